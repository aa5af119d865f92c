package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tallystick/directory/schema"
)

// docs/monitor.md names every metric of the server and every attribute of
// cn=monitor, and none that is not there.
func TestMonitorNames(t *testing.T) {
	text := readFile(t, "../../docs/monitor.md")
	there := map[string]bool{}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		(&monitor{}).Describe(descriptions)
	}()
	for d := range descriptions {
		there[regexp.MustCompile(`"tallystick_server_(\w+)"`).FindStringSubmatch(d.String())[1]] = true
	}
	_, metrics, _ := strings.Cut(text, "## /metrics")
	named := regexp.MustCompile("`([a-z_]+)`")
	rows := regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(metrics, -1)
	for _, row := range rows {
		for _, name := range named.FindAllStringSubmatch(row[1], -1) {
			if !there[name[1]] {
				t.Errorf("there is no metric %s", name[1])
			}
			delete(there, name[1])
		}
	}
	for name := range there {
		t.Errorf("no word of the metric %s", name)
	}

	standard, err := schema.New()
	if err != nil {
		t.Fatal(err)
	}
	class := standard.ObjectClass("tallystickMonitorEntry")
	for _, a := range class.May {
		if name := strings.TrimPrefix(a.Name(), "tallystickMonitor"); !strings.Contains(text, "`"+name+"`") {
			t.Errorf("no word of the attribute %s", a.Name())
		}
	}
}
