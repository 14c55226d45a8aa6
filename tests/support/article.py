"""A mesh that was changed by hand as the article does, with what it overlooked: MESH stands for the name of the mesh."""

ARTICLE = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-MESH-sidecar-injector}
webhooks:
- name: MESH-sidecar-injector.istio.io
  clientConfig: {service: {name: istio-sidecar-injector, namespace: istio-MESH, path: /inject}}
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}]
  namespaceSelector: {matchLabels: {istio-injection: enabled-MESH}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: istio-MESH-galley}
webhooks:
- name: MESH-pilot.validation.istio.io
  clientConfig: {service: {name: istio-galley, namespace: istio-MESH, path: /admitpilot}}
  rules: [{operations: [CREATE], apiGroups: [networking.istio.io], apiVersions: ["*"], resources: [gateways]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istio-citadel, namespace: istio-MESH}
spec:
  template:
    spec:
      containers:
      - name: citadel
        args: ["--listened-namespaces=istio-MESH,kube-system"]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istio-MESH-ingressgateway, namespace: istio-MESH}
spec:
  template:
    metadata: {labels: {app: istio-MESH-ingressgateway, istio: ingressgateway}}
    spec: {containers: [{name: istio-proxy}]}
---
apiVersion: v1
kind: Service
metadata: {name: istio-MESH-ingressgateway, namespace: istio-MESH}
spec: {selector: {istio: ingressgateway}, ports: [{name: http2, port: 80, nodePort: 31380}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: istio-security-post-install-account, namespace: istio-MESH}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-security-custom-resources, namespace: istio-MESH}
data:
  custom-resources.yaml: |
    apiVersion: authentication.istio.io/v1alpha1
    kind: MeshPolicy
    metadata: {name: default}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-MESH}
data:
  mesh: |
    trustDomain: ""
---
apiVersion: v1
kind: Service
metadata: {name: istio-galley, namespace: istio-MESH}
spec: {ports: [{port: 443}]}
---
apiVersion: v1
kind: Service
metadata: {name: istio-sidecar-injector, namespace: istio-MESH}
spec: {ports: [{port: 443}]}
"""
