module multimesh.dev/reader/common

go 1.26

require (
	k8s.io/apimachinery v0.37.0
	k8s.io/cli-runtime v0.37.0
	k8s.io/client-go v0.37.0
	k8s.io/kubectl v0.37.0
)
