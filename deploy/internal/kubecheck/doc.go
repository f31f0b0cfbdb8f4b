// Package kubecheck has what Kubernetes is given read by what will read it: kubectl, Helm, the types of its API, its rules of
// security for pods and its API server.
//
// It is a module of its own, since these bring some hundred modules that the gateway has no use for: so they are in neither its
// go.sum nor its builds, and nobody who builds the gateway fetches them. It does not import the gateway's packages either, but
// runs its binary, so that an update of theirs is none of this module's.
package kubecheck
