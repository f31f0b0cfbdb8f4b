{{- define "idlegate.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "idlegate.graceSeconds" . }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  # May read the keys in tlsSecrets.
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
  sysctls:
    - {name: net.ipv4.ip_local_port_range, value: {{ .Values.localPortRange | quote }}}
    {{- $least := 65535 }}
    {{- range include "idlegate.ports" . | fromJsonArray }}{{ $least = min $least (int .) }}{{ end }}
    {{- if lt (int $least) 1024 }}
    - {name: net.ipv4.ip_unprivileged_port_start, value: {{ $least | quote }}}
    {{- end }}
topologySpreadConstraints:
  {{- range $key, $when := dict "kubernetes.io/hostname" .Values.topologySpread.nodes "topology.kubernetes.io/zone" .Values.topologySpread.zones }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $when }}
    labelSelector:
      matchLabels: {{- include "idlegate.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: policy
    configMap: {name: {{ include "idlegate.fullname" . }}}
  {{- range .Values.tlsSecrets }}
  - name: tls-{{ . }}
    secret: {secretName: {{ . }}, defaultMode: 0440}
  {{- end }}
{{- end -}}

{{- define "idlegate.container" -}}
name: idlegate
image: {{ include "idlegate.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [run, -c, /etc/idlegate/idlegate.yaml]
# No ports of routes: they are not needed, and a route more would replace all pods.
ports:
  - {name: metrics, containerPort: {{ include "idlegate.metricsPort" . }}}
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 5 # a pod that is short of CPU answers late and still serves
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
lifecycle:
  preStop:
    # SIGTERM closes the listeners. Until then new connections are taken.
    sleep: {seconds: {{ .Values.preStopSeconds }}}
resources: {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  # The directory, not the file by subPath: a file mounted so never changes while the pod runs.
  - {name: policy, mountPath: /etc/idlegate, readOnly: true}
  {{- range .Values.tlsSecrets }}
  - {name: tls-{{ . }}, mountPath: /tls/{{ . }}, readOnly: true}
  {{- end }}
{{- end -}}
