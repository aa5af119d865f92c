package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"tallystick/directory"
	"tallystick/ldapd"
)

// What /metrics says of the server beside the bridge.
var (
	metricInfo        = serverMetric("info", "1, for the labels.", "version")
	metricUptime      = serverMetric("uptime_seconds", "Since the server started.")
	metricConnections = serverMetric("connections", "Open LDAP connections.")
	metricAccepted    = serverMetric("connections_accepted_total", "LDAP connections accepted.")
	metricRefused     = serverMetric("connections_refused_total", "LDAP connections turned away: there were too many, or the server was stopping.")
	metricOperations  = serverMetric("operations_total", "LDAP operations that have ended, by the name of their resultCode.", "operation", "result")
	metricSeconds     = serverMetric("operation_seconds", "From the last octet of an LDAP request to its result.", "operation")
	metricAttempts    = serverMetric("attempts_total", "Attempts to log in and other proofs, by what they came to.", "outcome")
	metricBytes       = serverMetric("database_bytes", "Size of the database on disk.")
	metricUpdates     = serverMetric("database_updates_total", "Updates that changed something.")
	metricCommits     = serverMetric("database_commits_total", "Commits that the updates took, which share them.")
	metricReadOnly    = serverMetric("read_only", "1 while the server takes no changes of clients: by its configuration, or because the disk is nearly full.")
	metricExpiry      = serverMetric("certificate_expiry_timestamp_seconds", "When a certificate ends.", "certificate")
)

func serverMetric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tallystick_server_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (m *monitor) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		metricInfo, metricUptime, metricConnections, metricAccepted, metricRefused, metricOperations, metricSeconds,
		metricAttempts, metricBytes, metricUpdates, metricCommits, metricReadOnly, metricExpiry,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *monitor) Collect(ch chan<- prometheus.Metric) {
	f := m.figures()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge(metricInfo, 1, directory.VendorVersion)
	gauge(metricUptime, f.uptime.Seconds())
	gauge(metricConnections, float64(f.ldap.Connections))
	counter(metricAccepted, f.ldap.Accepted)
	counter(metricRefused, f.ldap.Refused)
	for _, o := range f.ldap.Operations {
		for code, n := range o.Results {
			counter(metricOperations, n, o.Kind, code.String())
		}
		ch <- histogram(&o)
	}
	for outcome, n := range f.outcomes {
		counter(metricAttempts, n, outcome)
	}
	gauge(metricBytes, float64(f.store.Bytes))
	counter(metricUpdates, f.store.Updates)
	counter(metricCommits, f.store.Commits)
	readOnly := 0.0
	if f.readOnly() {
		readOnly = 1
	}
	gauge(metricReadOnly, readOnly)
	for name, t := range f.expiry {
		gauge(metricExpiry, float64(t.Unix()), name)
	}
}

// histogram is how long the operations of a kind took.
func histogram(o *ldapd.OperationStats) prometheus.Metric {
	buckets := make(map[float64]uint64, len(ldapd.Durations))
	var n uint64
	for i, d := range ldapd.Durations {
		n += o.Took[i]
		buckets[d.Seconds()] = n
	}
	return prometheus.MustNewConstHistogram(metricSeconds, o.Count(), o.Total.Seconds(), buckets, o.Kind)
}
