{{- define "pressrelay.environment" -}}
- {name: PRESSRELAY_BASE_URL, value: {{ .Values.baseUrl | quote }}}
- {name: PRESSRELAY_PROXIES, value: {{ .Values.proxies | quote }}}
- {name: PRESSRELAY_METRICS_ADDRESS, value: "0.0.0.0:9100"}
- {name: PRESSRELAY_S3_BUCKET, value: {{ .Values.s3.bucket | quote }}}
- {name: PRESSRELAY_S3_ENDPOINT, value: {{ .Values.s3.endpoint | quote }}}
- {name: PRESSRELAY_S3_REGION, value: {{ .Values.s3.region | quote }}}
{{- range $setting := list "DATABASE_URL" "REDIS_URL" "S3_ACCESS_KEY" "S3_SECRET_KEY" "SECRET_KEY" }}
- {name: PRESSRELAY_{{ $setting }}, valueFrom: {secretKeyRef: {name: {{ $.Values.secret | quote }}, key: {{ $setting }}}}}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: PRESSRELAY_{{ upper $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}
