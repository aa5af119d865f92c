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
	metricConnections = serverMetric("connections", "Open LDAP connections of clients.")
	metricWithin      = serverMetric("bridge_connections", "Open LDAP connections of the HTTP bridge within the process.")
	metricAccepted    = serverMetric("connections_accepted_total", "LDAP connections accepted.")
	metricRefused     = serverMetric("connections_refused_total", "LDAP connections turned away: there were too many, or the server was stopping.")
	metricRequests    = serverMetric("request_bytes", "LDAP requests being received and served, but for small ones that are alone on their connection.")
	metricAdmission   = serverMetric("requests_waiting", "LDAP requests that are not read before there is room for them (limits.requests).")
	metricOperations  = serverMetric("operations_total", "LDAP operations that have ended, by the name of their resultCode.", "operation", "result")
	metricSeconds     = serverMetric("operation_seconds", "From the last octet of an LDAP request to its result.", "operation")
	metricAttempts    = serverMetric("attempts_total", "Attempts to log in and other proofs, by what they came to.", "outcome")
	metricBytes       = serverMetric("database_bytes", "Size of the database on disk.")
	metricUpdates     = serverMetric("database_updates_total", "Updates that changed something.")
	metricCommits     = serverMetric("database_commits_total", "Commits that the updates took, which share them.")
	metricTables      = serverMetric("database_table_bytes", "Size of its tables.")
	metricLogs        = serverMetric("database_log_bytes", "Size of its logs.")
	metricFree        = serverMetric("database_free_bytes", "Free space on its disk, if that is watched.")
	metricWaiting     = serverMetric("database_waiting_updates", "Updates that have begun and are not durable yet.")
	metricLastCommit  = serverMetric("database_last_commit_timestamp_seconds", "When something was written last, since the start.")
	metricFailed      = serverMetric("database_failed", "1 if a commit has failed: nothing is written any more until the server is started anew.")
	metricHits        = serverMetric("database_cache_hits_total", "What was read and found in memory.")
	metricMisses      = serverMetric("database_cache_misses_total", "What was read and not found in memory.")
	metricCached      = serverMetric("database_cache_bytes", "What is kept in memory, about.")
	metricIndexDone   = serverMetric("index_entries_done", "Entries looked at for an index that is being built.", "attribute", "kind")
	metricIndexOf     = serverMetric("index_entries_total", "Entries to be looked at for it, at most.", "attribute", "kind")
	metricBackup      = serverMetric("last_backup_timestamp_seconds", "When the server has written its last backup.")
	metricWarnings    = serverMetric("configuration_warnings", "How many warnings cn=configuration,cn=monitor has.")
	metricReadOnly    = serverMetric("read_only", "1 while the server takes no changes of clients: by its configuration, or because the disk is nearly full.")
	metricExpiry      = serverMetric("certificate_expiry_timestamp_seconds", "When a certificate ends.", "certificate")
)

func serverMetric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tallystick_server_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (m *monitor) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		metricInfo, metricUptime, metricConnections, metricAccepted, metricRefused, metricRequests, metricAdmission, metricOperations, metricSeconds,
		metricAttempts, metricBytes, metricUpdates, metricCommits, metricReadOnly, metricExpiry,
		metricWithin, metricTables, metricLogs, metricFree, metricWaiting, metricLastCommit, metricFailed, metricHits, metricMisses, metricCached,
		metricIndexDone, metricIndexOf, metricBackup, metricWarnings,
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
	gauge(metricWithin, float64(f.ldap.Within))
	counter(metricAccepted, f.ldap.Accepted)
	counter(metricRefused, f.ldap.Refused)
	gauge(metricRequests, float64(f.ldap.Requests.Octets))
	gauge(metricAdmission, float64(f.ldap.Requests.Waiting))
	for _, o := range f.ldap.Operations {
		for code, n := range o.Results {
			counter(metricOperations, n, o.Kind, code.String())
		}
		ch <- histogram(&o)
	}
	for outcome, n := range f.outcomes {
		counter(metricAttempts, n, outcome)
	}
	gauge(metricBytes, float64(f.store.Tables+f.store.Logs))
	gauge(metricTables, float64(f.store.Tables))
	gauge(metricLogs, float64(f.store.Logs))
	if f.store.Free >= 0 {
		gauge(metricFree, float64(f.store.Free))
	}
	counter(metricUpdates, f.store.Updates)
	counter(metricCommits, f.store.Commits)
	gauge(metricWaiting, float64(f.store.Waiting))
	if !f.store.LastCommit.IsZero() {
		gauge(metricLastCommit, float64(f.store.LastCommit.Unix()))
	}
	gauge(metricFailed, oneIf(f.store.Failed))
	gauge(metricReadOnly, oneIf(f.readOnly()))
	counter(metricHits, f.store.Cache.Hits)
	counter(metricMisses, f.store.Cache.Misses)
	gauge(metricCached, float64(f.store.Cache.Bytes))
	for _, x := range f.indexes {
		if x.Of > 0 {
			gauge(metricIndexDone, float64(x.Done), x.Attribute, string(x.Kind))
			gauge(metricIndexOf, float64(x.Of), x.Attribute, string(x.Kind))
		}
	}
	if f.backup != nil {
		gauge(metricBackup, float64(f.backup.ModTime().Unix()))
	}
	gauge(metricWarnings, float64(len(f.warnings)))
	for name, t := range f.expiry {
		gauge(metricExpiry, float64(t.Unix()), name)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
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
