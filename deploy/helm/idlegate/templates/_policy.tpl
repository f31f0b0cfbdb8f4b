{{/* What the chart reads of the policy file, so that nothing has to be said twice. */}}

{{- define "idlegate.policyText" -}}
{{- .Values.policy | default (.Files.Get "idlegate.yaml") -}}
{{- end -}}

{{/* The policy as JSON. idlegate check is the one that tells what is wrong with it. */}}
{{- define "idlegate.policy" -}}
{{- $policy := include "idlegate.policyText" . | fromYaml -}}
{{- with $policy.Error }}{{ fail (printf "policy: %s" .) }}{{ end -}}
{{- $policy | toJson -}}
{{- end -}}

{{/* The ports of all routes, each once, in order, as JSON. Unix sockets have none. */}}
{{- define "idlegate.ports" -}}
{{- $ports := list -}}
{{- range (include "idlegate.policy" . | fromJson).routes -}}
  {{- $listen := .listen -}}
  {{- if not (kindIs "slice" $listen) }}{{ $listen = list $listen }}{{ end -}}
  {{- range $listen -}}
    {{- if not (hasPrefix "unix:" .) -}}
      {{- $ports = append $ports (regexFind "[0-9]+$" . | required (printf "policy: %s has no port" .) | int) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if not $ports }}{{ fail "policy: no route listens on a port" }}{{ end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{/* The port of admin.metrics, where the kubelet and scrapers must reach it. */}}
{{- define "idlegate.metricsPort" -}}
{{- $admin := (include "idlegate.policy" . | fromJson).admin | default dict -}}
{{- $metrics := $admin.metrics | default "" -}}
{{- if or (not (regexMatch ":[0-9]+$" $metrics)) (regexMatch "^(127\\.|localhost:|\\[::1\\]|unix:)" $metrics) -}}
  {{- fail (printf "policy: admin.metrics is %q; probes and scrapers need an address that is open, as 0.0.0.0:9181" $metrics) -}}
{{- end -}}
{{- regexFind "[0-9]+$" $metrics -}}
{{- end -}}

{{/* gateway.drain_timeout in whole seconds, rounded up. */}}
{{- define "idlegate.drainSeconds" -}}
{{- $gateway := (include "idlegate.policy" . | fromJson).gateway | default dict -}}
{{- $drain := $gateway.drain_timeout | default "30s" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 -}}
{{- if not (regexMatch "^([0-9]+(ms|s|m|h|d))+$" $drain) -}}
  {{- fail (printf "policy: gateway.drain_timeout is %q; a pod has to end in some time, as 30s or 1h30m" $drain) -}}
{{- end -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d)" $drain -1 -}}
  {{- $sum = add $sum (mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- div (add $sum 999) 1000 -}}
{{- end -}}

{{/* What a pod may take to end: preStop, drain_timeout, the 2 s that closing takes, and some. */}}
{{- define "idlegate.graceSeconds" -}}
{{- add .Values.preStopSeconds (include "idlegate.drainSeconds" . | int64) 5 -}}
{{- end -}}
