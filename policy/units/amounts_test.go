package units

import (
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	tests := []struct {
		text    string
		want    time.Duration
		printed string // "" where it is text
	}{
		{text: "250ms", want: 250 * time.Millisecond},
		{text: "10s", want: 10 * time.Second},
		{text: "1m30s", want: 90 * time.Second},
		{text: "90s", want: 90 * time.Second, printed: "1m30s"},
		{text: "24h", want: 24 * time.Hour, printed: "1d"},
		{text: "7d", want: 7 * 24 * time.Hour},
		{text: "1d12h", want: 36 * time.Hour},
		{text: "1d2h3m4s5ms", want: 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond},
		{text: "3650d", want: MaxDuration},
	}
	for _, test := range tests {
		got, err := ParseDuration(test.text)
		if err != nil || got != test.want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", test.text, got, err, test.want)
		}
		printed := test.printed
		if printed == "" {
			printed = test.text
		}
		if back := FormatDuration(got); back != printed {
			t.Errorf("FormatDuration(%v) = %q, want %q", got, back, printed)
		}
	}
}

func TestNoDurations(t *testing.T) {
	for _, text := range []string{
		"", " ", "10", "s", "10 s", " 10s", "10S", "10us", "10w", "1.5s", "1m.5s", "+1s", "-1s", "1s30", "30s1m", "1s1s",
		"1h0x3s", "3651d", "3650d1ms", "9223372036854775807s", "99999999999999999999s", "١s", "10s\n", "never", "None",
	} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, d)
		}
	}
}

func TestSizes(t *testing.T) {
	tests := []struct {
		text    string
		want    int64
		printed string // "" where it is text
	}{
		{text: "512B", want: 512},
		{text: "64KiB", want: 64 << 10},
		{text: "1MiB", want: 1 << 20},
		{text: "1024KiB", want: 1 << 20, printed: "1MiB"},
		{text: "1025KiB", want: 1025 << 10},
		{text: "3GiB", want: 3 << 30},
		{text: "1024TiB", want: MaxSize},
	}
	for _, test := range tests {
		got, err := ParseSize(test.text)
		if err != nil || got != test.want {
			t.Errorf("ParseSize(%q) = %v, %v, want %v", test.text, got, err, test.want)
		}
		printed := test.printed
		if printed == "" {
			printed = test.text
		}
		if back := FormatSize(got); back != printed {
			t.Errorf("FormatSize(%v) = %q, want %q", got, back, printed)
		}
	}
}

func TestNoSizes(t *testing.T) {
	for _, text := range []string{
		"", "64", "KiB", "64KB", "64K", "64kib", "64 KiB", "1.5MiB", "-1B", "+1B", "1MiB1KiB", "1MiB ", "1PiB", "1025TiB",
		"9223372036854775807B", "9223372036854775808B", "18014398509481985KiB", "unlimited",
	} {
		if n, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %v, want an error", text, n)
		}
	}
}

func TestPercentages(t *testing.T) {
	for percent := range 101 {
		text := FormatPercent(float64(percent) / 100)
		got, err := ParsePercent(text)
		if err != nil || FormatPercent(got) != text {
			t.Errorf("ParsePercent(%q) = %v, %v, which is printed as %q", text, got, err, FormatPercent(got))
		}
	}
	for _, text := range []string{"", "%", "10", "101%", "-1%", "1.5%", "10%%", "10 %", "none"} {
		if share, err := ParsePercent(text); err == nil {
			t.Errorf("ParsePercent(%q) = %v, want an error", text, share)
		}
	}
}
