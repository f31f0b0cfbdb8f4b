package main

import "testing"

func TestPackagesOrderVersionsAsGoDoes(t *testing.T) {
	for version, want := range map[string]struct{ packaged, debian string }{
		"1.2.3":                             {"1.2.3", "1.2.3"},
		"1.2.3-rc.1":                        {"1.2.3-rc.1", "1.2.3~rc.1"},
		"0.0.0-20260102030405-0123456789ab": {"0.0.0-20260102030405.0123456789ab", "0.0.0~20260102030405.0123456789ab"},
	} {
		if got := packageVersion(version); got != want.packaged {
			t.Errorf("%s is packaged as %s, want %s", version, got, want.packaged)
		}
		if got := debianVersion(version); got != want.debian {
			t.Errorf("%s is %s for Debian, want %s", version, got, want.debian)
		}
	}
}
