package enrol

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What is read has a contrast of 4.5 to 1, and the edge of a field 3 to 1, in
// the light and in the dark (WCAG 2.2, sections 1.4.3 and 1.4.11, level AA).
func TestContrast(t *testing.T) {
	sheet, err := files.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, found := strings.Cut(string(sheet), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("no dark colours")
	}
	dark, _, _ := strings.Cut(rest, "* {")
	for name, colours := range map[string]map[string]float64{"light": luminances(t, light), "dark": luminances(t, dark)} {
		for _, pair := range []struct {
			on, ink string
			atLeast float64
		}{
			{"paper", "ink", 4.5}, {"card", "ink", 4.5}, {"accent-wash", "ink", 4.5}, {"danger-wash", "ink", 4.5}, {"warn-wash", "ink", 4.5},
			{"paper", "soft", 4.5}, {"card", "soft", 4.5},
			{"paper", "accent", 4.5}, {"card", "accent", 4.5}, {"accent-wash", "accent", 4.5}, {"accent", "accent-ink", 4.5},
			{"card", "danger", 4.5}, {"danger-wash", "danger", 4.5}, {"warn-wash", "warn", 4.5},
			{"card", "edge", 3},
		} {
			a, b := colours[pair.on], colours[pair.ink]
			if got := (max(a, b) + .05) / (min(a, b) + .05); got < pair.atLeast {
				t.Errorf("%s: %s on %s: %.2f, want %v", name, pair.ink, pair.on, got, pair.atLeast)
			}
		}
	}
}

// luminances is the relative luminance of each colour that a piece of the style
// sheet names.
func luminances(t *testing.T, sheet string) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(sheet, -1) {
		rgb, err := strconv.ParseUint(m[2], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		linear := func(shift int) float64 {
			c := float64(rgb>>shift&0xff) / 255
			if c <= .04045 {
				return c / 12.92
			}
			return math.Pow((c+.055)/1.055, 2.4)
		}
		all[m[1]] = .2126*linear(16) + .7152*linear(8) + .0722*linear(0)
	}
	if len(all) != 13 {
		t.Fatalf("%d colours", len(all))
	}
	return all
}
