{{- /* The labels that stock Istio 1.5 puts on one of its parts: include "labels" (list $ "galley"), or (list $ "mixer" "app-of-its-own"). */ -}}
{{- define "labels" -}}
{{- $root := index . 0 -}}
{{- $chart := index . 1 -}}
app: {{ if gt (len .) 2 }}{{ index . 2 }}{{ else }}{{ $chart }}{{ end }}
chart: {{ $chart }}
heritage: {{ $root.Release.Service }}
release: {{ $root.Release.Name }}
{{- end }}

{{- /* The same for the objects of a gateway, whose app and istio labels are values. */ -}}
{{- define "gateway.labels" -}}
{{- $root := index . 0 -}}
{{- $spec := index . 1 -}}
chart: gateways
heritage: {{ $root.Release.Service }}
release: {{ $root.Release.Name }}
{{- range $name, $value := $spec.labels }}
{{ $name }}: {{ $value }}
{{- end }}
{{- end }}

{{- /* The volume and its mount for keys from the node agent. */ -}}
{{- define "sds.volumes" -}}
- hostPath:
    path: /var/run/sds
  name: sds-uds-path
- name: istio-token
  projected:
    sources:
    - serviceAccountToken:
        audience: istio-ca
        expirationSeconds: 43200
        path: istio-token
{{- end }}

{{- define "pod.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      apiVersion: v1
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      apiVersion: v1
      fieldPath: metadata.namespace
{{- end }}

{{- /* Used as an object of the release and as text in a ConfigMap, as in the stock chart. */ -}}
{{- define "galley.webhooks" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: istio-galley
  labels:
    {{- include "labels" (list . "galley") | nindent 4 }}
    istio: galley
webhooks:
  - name: pilot.validation.istio.io
    clientConfig:
      service:
        name: istio-galley
        namespace: {{ .Release.Namespace }}
        path: "/admitpilot"
      caBundle: ""
    rules:
      - operations:
        - CREATE
        - UPDATE
        apiGroups:
        - security.istio.io
        apiVersions:
        - "*"
        resources:
        - "*"
      - operations:
        - CREATE
        - UPDATE
        apiGroups:
        - networking.istio.io
        apiVersions:
        - "*"
        resources:
        - destinationrules
        - envoyfilters
        - gateways
        - sidecars
        - virtualservices
    # galley itself turns this into Fail, and adds the caBundle, once it can answer
    failurePolicy: Ignore
    sideEffects: None
    admissionReviewVersions: ["v1beta1"]
  - name: mixer.validation.istio.io
    clientConfig:
      service:
        name: istio-galley
        namespace: {{ .Release.Namespace }}
        path: "/admitmixer"
      caBundle: ""
    rules:
      - operations:
        - CREATE
        - UPDATE
        apiGroups:
        - config.istio.io
        apiVersions:
        - v1alpha2
        resources:
        - rules
        - handlers
        - instances
    failurePolicy: Ignore
    sideEffects: None
    admissionReviewVersions: ["v1beta1"]
{{- end }}

{{- /* Waits for galley, then applies what a Helm hook cannot template. */ -}}
{{- define "run.sh" -}}
#!/bin/sh
# usage: run.sh FILE
set -x

if kubectl get validatingwebhookconfiguration istio-galley 2>/dev/null; then
    echo "istio-galley validatingwebhookconfiguration found: waiting for the istio-galley deployment"
    kubectl -n {{ .Release.Namespace }} rollout status deployment istio-galley || exit 1
fi
kubectl apply -f "${1}"
{{- end }}
