{{- define "heartline.name" -}}
{{- if contains "heartline" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-heartline" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- /* The labels of one part: dict "root" $ "part" "worker". */ -}}
{{- define "heartline.selector" -}}
app.kubernetes.io/name: heartline
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "heartline.labels" -}}
{{ include "heartline.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "heartline.image" -}}
{{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}

{{- /* What every pod has: dict "root" $ "part" "worker". */ -}}
{{- define "heartline.pod" -}}
serviceAccountName: {{ include "heartline.name" .root }}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* What every container has: dict "root" $ "part" "worker" "command" "worker" "metrics" 9101 "resources" {...}. */ -}}
{{- define "heartline.container" -}}
name: {{ .part }}
image: {{ include "heartline.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: [{{ join ", " (default (list .part) .args) }}]
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
envFrom:
  - secretRef: {name: {{ .root.Values.secretName }}, optional: true}
resources: {{- toYaml .resources | nindent 2 }}
{{- end }}

{{- define "heartline.mounts" -}}
- {name: settings, mountPath: /etc/heartline, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "heartline.volumes" -}}
- name: settings
  configMap: {name: {{ include "heartline.name" .root }}}
- name: tmp
  emptyDir: {}
{{- end }}

{{- /* Probes on one port: dict "port" "metrics" "startSeconds" 300. */ -}}
{{- define "heartline.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: {{ .port }}}
  periodSeconds: 5
  failureThreshold: {{ div .startSeconds 5 }}
livenessProbe:
  httpGet: {path: /livez, port: {{ .port }}}
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ .port }}}
  periodSeconds: 10
  failureThreshold: 3
{{- end }}
