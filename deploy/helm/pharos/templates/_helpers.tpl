{{/* The name of everything: the release's, with the chart's unless it holds that already. */}}
{{- define "pharos.name" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- $full | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "pharos.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pharos.labels" -}}
{{ include "pharos.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The name of the Secret with the variables; empty: none. */}}
{{- define "pharos.secret" -}}
{{- if .Values.secret.existing }}{{ .Values.secret.existing }}{{ else if .Values.secret.values }}{{ include "pharos.name" . }}{{ end }}
{{- end }}

{{/* pharos.yaml: what the chart knows, and over it what the values say. */}}
{{- define "pharos.configuration" -}}
{{- $engine := dict "type" .Values.engine.type -}}
{{- if eq .Values.engine.type "nats" }}{{ $_ := set $engine "nats" .Values.engine.nats }}{{ end -}}
{{- if eq .Values.engine.type "redis" }}{{ $_ := set $engine "redis" .Values.engine.redis }}{{ end -}}
{{- if eq .Values.engine.type "topic" -}}
{{- $_ := set $engine "topic" (dict "address" (printf "%s-topic:8300" (include "pharos.name" .)) "listen" "0.0.0.0:8300") -}}
{{- end -}}
{{- $ours := dict
      "http_server" (dict "address" "0.0.0.0" "port" 8000)
      "store" (dict "path" "/var/lib/pharos")
      "engine" $engine
      "health" (dict "enabled" true)
      "shutdown" (dict "delay" (printf "%ds" (int .Values.shutdownDelaySeconds)))
      "log" (dict "format" "json") -}}
{{- if .Values.serviceMonitor.enabled }}{{ $_ := set $ours "prometheus" (dict "enabled" true) }}{{ end -}}
{{- toYaml (mustMergeOverwrite $ours (deepCopy .Values.config)) -}}
{{- end }}

{{/* What has to be so, said before anything is made. */}}
{{- define "pharos.check" -}}
{{- if and (gt (int .Values.replicas) 1) (has .Values.engine.type (list "memory" "disk")) -}}
{{- fail "several replicas need engine.type nats, redis or topic: with memory and disk each node is a server of its own" -}}
{{- end -}}
{{- if and (eq .Values.engine.type "nats") (not .Values.engine.nats.url) }}{{ fail "engine.nats.url is needed" }}{{ end -}}
{{- if and (eq .Values.engine.type "redis") (not .Values.engine.redis) }}{{ fail "engine.redis is needed" }}{{ end -}}
{{- if and (eq .Values.engine.type "topic") (not (include "pharos.secret" .)) (not (dig "engine" "secret" "" .Values.config)) -}}
{{- fail "engine.type topic needs PHAROS_ENGINE_SECRET, at least 16 bytes: secret.existing or secret.values" -}}
{{- end -}}
{{- end }}

{{/* The pod of a node. Called with root, role, and volume: whether its data is on a claim. */}}
{{- define "pharos.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "pharos.selector" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
    {{- with $root.Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # A changed configuration needs new pods.
    checksum/configuration: {{ include "pharos.configuration" $root | sha256sum }}
    checksum/secret: {{ $root.Values.secret.values | toJson | sha256sum }}
    {{- with $root.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "pharos.name" $root }}
  automountServiceAccountToken: false
  # A Service called pharos would otherwise put variables into the pod that look like keys of the configuration.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: pharos
      image: "{{ $root.Values.image.repository }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}"
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [serve, --config, /etc/pharos/pharos.yaml]
      env:
        - name: PHAROS_NODE_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- if eq .role "topic" }}
        - {name: PHAROS_NODE_ROLES, value: topic}
        {{- end }}
        {{- with $root.Values.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with include "pharos.secret" $root }}
      envFrom:
        - secretRef: {name: {{ . }}}
      {{- end }}
      ports:
        - {name: http, containerPort: 8000}
        {{- if eq .role "topic" }}
        - {name: topic, containerPort: 8300}
        {{- end }}
      startupProbe:
        httpGet: {path: /health/live, port: http}
        periodSeconds: 1
        failureThreshold: 60
      # That the process answers. Never readiness: a node whose engine is away comes back by itself.
      livenessProbe:
        httpGet: {path: /health/live, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /health/ready, port: http}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      {{- with $root.Values.resources }}
      resources: {{ toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: configuration, mountPath: /etc/pharos, readOnly: true}
        - {name: data, mountPath: /var/lib/pharos}
  volumes:
    - name: configuration
      configMap: {name: {{ include "pharos.name" $root }}}
    {{- if not .volume }}
    - name: data
      emptyDir: {}
    {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.topologySpreadConstraints }}
  topologySpreadConstraints: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The volume of a node that keeps. */}}
{{- define "pharos.claim" -}}
- metadata:
    name: data
  spec:
    accessModes: {{ toJson .Values.persistence.accessModes }}
    {{- with .Values.persistence.storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources: {requests: {storage: {{ .Values.persistence.size }}}}
{{- end }}
