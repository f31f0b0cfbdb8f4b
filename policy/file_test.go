package policy

import "testing"

func TestPathsCountFromTheFolderOfThePolicyFile(t *testing.T) {
	tests := []struct{ rule, name, text, want string }{
		{"beside it", "conf/gate.yaml", "token", "conf/token"},
		{"above it", "/etc/idlegate/gate.yaml", "../token", "/etc/token"},
		{"absolute", "conf/gate.yaml", "/run/token", "/run/token"},
		{"in the working directory", "gate.yaml", "a/token", "a/token"},
		{"standard input", "stdin", "token", "token"},
		{"a descriptor", "/dev/fd/63", "token", "token"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			config, err := Parse(test.name, []byte(`admin: {token_file: "`+test.text+`"}
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`))
			if err != nil {
				t.Fatal(err)
			}
			if got := config.Admin.TokenFile; got.Path != test.want || got.String() != test.text {
				t.Errorf("file is %s, written %s, want %s and %s", got.Path, got, test.want, test.text)
			}
		})
	}
}
