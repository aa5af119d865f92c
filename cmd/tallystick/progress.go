package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a long command is, if the standard error is a
// terminal.
type progress struct {
	bar     *progressbar.ProgressBar // nil: nothing is shown
	start   time.Time
	entries int
}

// newProgress begins to show; -1 octets is an unknown number.
func newProgress(what string, octets int64) *progress {
	p := &progress{start: time.Now()}
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return p
	}
	p.bar = octetBar(what, octets)
	return p
}

// octetBar shows octets with their rate, how long it took, and how long it will
// take; -1 of them is an unknown number.
func octetBar(what string, octets int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(octets,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(20),
		progressbar.OptionClearOnFinish(),
	)
}

// newCount begins to show how many of n things are done.
func newCount(what string, n int) *progress {
	p := &progress{start: time.Now()}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		p.bar = progressbar.NewOptions(n,
			progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetWidth(20),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// again begins to show anew.
func (p *progress) again() {
	p.entries = 0
	if p.bar != nil {
		p.bar.Reset()
	}
}

// step tells that one more is done.
func (p *progress) step() {
	if p.bar != nil {
		_ = p.bar.Add(1) // the bar is an ornament
	}
}

// at tells how many are done.
func (p *progress) at(n int) {
	if p.bar != nil {
		_ = p.bar.Set(n)
	}
}

// Write tells of octets that pass by.
func (p *progress) Write(octets []byte) (int, error) {
	p.read(len(octets))
	return len(octets), nil
}

// read tells of octets read from the files.
func (p *progress) read(octets int) {
	if p.bar == nil {
		return
	}
	p.bar.Describe(fmt.Sprintf("%d records, %.0f/s", p.entries, p.rate()))
	_ = p.bar.Add(octets) // the bar is an ornament
}

func (p *progress) rate() float64 {
	return float64(p.entries) / max(time.Since(p.start).Seconds(), 0.001)
}

// print writes a line without tearing the bar.
func (p *progress) print(w io.Writer, text string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(w, text)
}

// writing says that all is read, and that the rest takes a while.
func (p *progress) writing() {
	if p.bar != nil {
		p.done()
		fmt.Fprintf(os.Stderr, "read %s in %.0f s; now sorting and writing the database, indexes and all\n",
			records(p.entries), time.Since(p.start).Seconds())
		p.bar = octetBar("writing", -1)
	}
}

// written tells of octets written to the database, of so many.
func (p *progress) written(octets, of int64) {
	if p.bar != nil {
		if p.bar.GetMax64() != of {
			p.bar.ChangeMax64(of)
		}
		_ = p.bar.Set64(octets)
	}
}

// done removes the bar.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
