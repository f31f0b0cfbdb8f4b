package main

import (
	"fmt"
	"strings"
	"time"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/gateway/admin/api"
)

// format is how a command writes its result.
type format string

const (
	inTable format = "table"
	inJSON  format = "json"
)

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "FORMAT" }

func (f *format) Set(s string) error {
	if s != string(inTable) && s != string(inJSON) {
		return fmt.Errorf("must be %s or %s", inTable, inJSON)
	}
	*f = format(s)
	return nil
}

// durationFlag takes a duration as the policy file has it.
type durationFlag time.Duration

func (d *durationFlag) String() string {
	if *d == 0 {
		return "" // not given
	}
	return figure.Exact(time.Duration(*d).Seconds())
}

func (d *durationFlag) Type() string { return "DURATION" }

func (d *durationFlag) Set(s string) error {
	parsed, err := figure.ParseDuration(s)
	*d = durationFlag(parsed)
	return err
}

// clientsFlag takes the address of clients, whole.
type clientsFlag struct{ to *string }

func (c clientsFlag) String() string {
	if c.to == nil {
		return ""
	}
	return *c.to
}

func (c clientsFlag) Type() string { return "ADDRESS" }

func (c clientsFlag) Set(s string) error {
	if s == "" {
		return nil // which is refused for every flag
	}
	_, err := api.ParseClients(s)
	*c.to = s
	return err
}

// word takes one of a few words.
type word struct {
	to    *string
	known []string
}

func (w word) String() string {
	if w.to == nil {
		return ""
	}
	return *w.to
}

func (w word) Type() string { return "WORD" }

func (w word) Set(s string) error {
	for _, known := range w.known {
		if s == known {
			*w.to = s
			return nil
		}
	}
	return fmt.Errorf("must be one of %s", strings.Join(w.known, ", "))
}

// shareFlag takes a percentage.
type shareFlag float64

func (s *shareFlag) String() string { return fmt.Sprintf("%g%%", float64(*s)*100) }

func (s *shareFlag) Type() string { return "PERCENT" }

func (s *shareFlag) Set(text string) error {
	share, err := figure.Share(text)
	*s = shareFlag(share)
	return err
}
