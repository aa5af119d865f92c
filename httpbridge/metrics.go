package httpbridge

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tallystick/httpbridge/upstream"
)

// metrics counts requests, for Prometheus.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	running  prometheus.Gauge
	refused  prometheus.Counter
	faces    map[string]*faceMetrics
}

// The faces in the log and the metrics.
const (
	facePingDirectory = "pingdirectory"
	faceZITADEL       = "zitadel"
	faceSecurID       = "securid"
	faceOpenAPI       = "openapi"
	facePages         = "pages"
	faceOperator      = "operator"
)

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tallystick_http_requests_total", Help: "Requests answered, by the face that did and the status.",
		}, []string{"face", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tallystick_http_request_seconds", Help: "From the header of a request to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"face"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tallystick_http_requests_running", Help: "Requests that are being answered.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tallystick_http_connections_refused_total", Help: "Connections of addresses that had too many.",
		}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.running, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.faces = make(map[string]*faceMetrics)
	for _, face := range []string{facePingDirectory, faceZITADEL, faceSecurID, faceOpenAPI, facePages, faceOperator} {
		m.faces[face] = &faceMetrics{
			requests: m.requests.MustCurryWith(prometheus.Labels{"face": face}),
			seconds:  m.seconds.WithLabelValues(face),
		}
	}
	return m
}

// faceMetrics are those of one face.
type faceMetrics struct {
	requests *prometheus.CounterVec // by status
	seconds  prometheus.Observer
	byStatus sync.Map // those of requests that were looked up: int to prometheus.Counter
}

// answered counts a request.
func (m *faceMetrics) answered(status int, took time.Duration) {
	requests, known := m.byStatus.Load(status)
	if !known {
		requests = m.requests.WithLabelValues(strconv.Itoa(status))
		m.byStatus.Store(status, requests)
	}
	requests.(prometheus.Counter).Inc()
	m.seconds.Observe(took.Seconds())
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// poolCollector tells of the connections of a client to the LDAP servers.
type poolCollector struct {
	client *upstream.Client

	connections, limit, refused, up, opened, failed *prometheus.Desc
}

// newPoolCollector is for the client of a part of the bridge.
func newPoolCollector(part string, client *upstream.Client) *poolCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("tallystick_ldap_"+name, help, labels, prometheus.Labels{"part": part})
	}
	return &poolCollector{
		client:      client,
		connections: desc("connections", "Open connections to the LDAP servers, in use and idle.", "state"),
		limit:       desc("connections_limit", "The most connections at the same time."),
		refused:     desc("connections_refused_total", "Requests for which no connection became free in time."),
		up:          desc("server_up", "Whether an LDAP server is up (1), as far as is known.", "server"),
		opened:      desc("server_connections_total", "Connections opened to an LDAP server.", "server"),
		failed:      desc("server_failures_total", "Connections to an LDAP server that could not be opened.", "server"),
	}
}

func (c *poolCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c *poolCollector) Collect(ch chan<- prometheus.Metric) {
	stats := c.client.Stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(c.connections, float64(stats.InUse), "in_use")
	gauge(c.connections, float64(stats.Idle), "idle")
	gauge(c.limit, float64(stats.Limit))
	counter(c.refused, stats.Refused)
	for _, s := range stats.Servers {
		name, up := s.URL, 0.0
		if name == "" {
			name = "local"
		}
		if s.Up {
			up = 1
		}
		gauge(c.up, up, name)
		counter(c.opened, s.Opened, name)
		counter(c.failed, s.Failed, name)
	}
}
