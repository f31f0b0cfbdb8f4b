package policy

import (
	"fmt"
	"strings"
)

// Reference is the part of the reference that is made of the list of keys, by title: tables in Markdown.
func Reference() map[string]string {
	return map[string]string{
		"keys":         keyTable(),
		"protocols":    protocolTable(),
		"length_field": lengthFieldTable(),
		"heartbeat":    heartbeatTable(),
		"timers":       timerTable(),
		"timer_forms":  timerFormTable(),
		"policies":     policyTable(),
	}
}

// keyTable has every key but those of protocols and policies, which have tables of their own.
func keyTable() string {
	t := table("key", "default", "meaning")
	for _, k := range new(Config).keys() {
		t.keys(k, k.name)
	}
	return t.String()
}

// keys adds a key and those below it.
func (t *markdown) keys(k key, path string) {
	switch path {
	case "policies":
		t.row("`policies.NAME`", "", "a policy that routes share by its name, see [Policies](#policies-and-their-timers)")
		return
	case "routes[].protocol", "routes[].upstream_protocol", "routes[].policy":
		t.row(quoted(path), k.defaults(), k.doc)
		return
	}
	if k.takes.below == nil || strings.ContainsAny(path, ".[") {
		t.row(quoted(path), k.defaults(), k.doc)
	}
	if k.takes.below == nil || k.takes.below().find("hex") != nil { // how bytes are written is said once
		return
	}
	for _, below := range k.takes.below() {
		t.keys(below, path+k.takes.item+"."+below.name)
	}
}

func protocolTable() string {
	t := table("`protocol`", "a message is", "heartbeat", "answered", "negotiated", "probe", "owed", "farewell")
	for _, row := range protocols() {
		written := quoted(row.Name)
		switch {
		case row.Named:
		case row.needs != "":
			written = quoted("{" + row.Name + ": {...}}")
		case row.standard != nil:
			written += ", " + quoted("{"+row.Name+": {...}}")
		}
		t.row(written, row.Message, orDash(row.HeartbeatIs), row.answered(), orDash(row.NegotiatedBy), orDash(row.ProbeIs), yes(row.PairsReplies), row.farewell())
	}
	return t.String()
}

// answered says whether the gateway can answer a client's heartbeat.
func (t Traits) answered() string {
	if t.Answerable || t.Unanswerable == "" {
		return yes(t.Answerable)
	}
	return "no: " + t.Unanswerable
}

func (t Traits) farewell() string {
	if t.FarewellIs == "" {
		return "bytes"
	}
	return t.FarewellIs
}

func orDash(cell string) string {
	if cell == "" {
		return "-"
	}
	return cell
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func lengthFieldTable() string {
	t := table("key of `length_field`", "default", "meaning")
	for _, k := range new(LengthFieldFraming).keys() {
		t.row(quoted(k.name), k.defaults(), k.doc)
	}
	return t.String()
}

func heartbeatTable() string {
	t := table("key of `heartbeat`", "default", "meaning")
	for _, k := range new(Heartbeat).keys() {
		t.row(quoted(k.name), k.defaults(), k.doc)
	}
	return t.String()
}

func timerTable() string {
	t := table("key", "of", "default", "starts", "restarted by", "ends with")
	for _, row := range new(Policy).allTimers() {
		of := "both"
		if row.of != 0 {
			of = row.of.String()
		}
		t.row(quoted(row.name), of, row.defaults(), row.starts, row.restarted, row.ends)
	}
	return t.String()
}

// timerFormTable has the keys inside the timers that are more than a duration.
func timerFormTable() string {
	t := table("key", "default", "meaning")
	for _, row := range new(Policy).allTimers() {
		if row.takes.below == nil {
			continue
		}
		for _, k := range row.takes.below() {
			t.row(quoted(row.name+"."+k.name), k.defaults(), k.doc)
		}
	}
	return t.String()
}

// policyTable has the keys of policies that are no timers.
func policyTable() string {
	t := table("key", "of", "default", "meaning")
	short, long := (&Policy{Kind: Short}), (&Policy{Kind: Long})
	for _, k := range long.keys() {
		of := "long"
		if short.keys().find(k.name) != nil {
			of = "both"
		}
		if !long.Has(Timer(k.name)) {
			t.row(quoted(k.name), of, k.defaults(), k.doc)
		}
	}
	return t.String()
}

// defaults is what holds where a key is not written.
func (k key) defaults() string {
	switch {
	case k.example != "":
		return "required"
	case k.standard == "":
		return k.without
	case k.without != "":
		return quoted(k.standard) + "; " + k.without
	}
	return quoted(k.standard)
}

func quoted(s string) string { return "`" + s + "`" }

// markdown is a table in Markdown.
type markdown struct{ strings.Builder }

func table(head ...string) *markdown {
	t := &markdown{}
	t.row(head...)
	t.row(strings.Split(strings.Repeat("---\n", len(head)-1)+"---", "\n")...)
	return t
}

func (t *markdown) row(cells ...string) {
	fmt.Fprintf(t, "| %s |\n", strings.Join(cells, " | "))
}
