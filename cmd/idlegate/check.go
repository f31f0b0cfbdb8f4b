package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"idlegate/gateway"
	"idlegate/policy"
)

// checkFlags are those of check.
type checkFlags struct {
	effective bool
	strict    bool
	offline   bool
	format    format
}

func newCheck() *cobra.Command {
	flags := checkFlags{format: inTable}
	cmd := &cobra.Command{
		Use:   "check FILE|-",
		Short: "Report every problem of a policy file",
		Long: "Report every problem of a policy file, or of standard input, as file:line:column: key: what is wrong, with the\n" +
			"line it is in. Beside the file itself it looks at what run would refuse: token files, certificates, the folder of\n" +
			"the log, names. It warns of what run would start with and could not use, as an advise_file that cannot be written\n" +
			"or a name without an address. Warnings do not make it fail, unless --strict is given.",
		Args: arguments("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.effective && flags.format == inJSON {
				return usage(cmd, "--print writes YAML; leave out -o json")
			}
			return runCheck(cmd, args[0], flags)
		},
	}
	set := cmd.Flags()
	set.BoolVar(&flags.effective, "print", false, "print the effective policy: every default filled in")
	set.BoolVar(&flags.strict, "strict", false, "fail on warnings, too")
	set.BoolVar(&flags.offline, "offline", false, "do not look up names, nor check that this machine has the addresses to listen at")
	set.VarP(&flags.format, "output", "o", "`FORMAT` of the result: table or json")
	return cmd
}

func runCheck(cmd *cobra.Command, file string, flags checkFlags) error {
	source, err := readSource(cmd.InOrStdin(), file)
	if err != nil {
		return err
	}
	found := source.check(flags.offline)
	if flags.format == inJSON {
		err = found.writeJSON(cmd.OutOrStdout())
	} else {
		err = found.writeText(cmd, flags.effective)
	}
	if err != nil {
		return err
	}
	return found.verdict(flags.strict)
}

// source is the text of a policy file.
type source struct {
	name string // what messages call it
	data []byte
}

// largestFile is the size in bytes of the largest policy file.
const largestFile = 16 << 20

// readSource reads a policy file; - is standard input.
func readSource(stdin io.Reader, file string) (source, error) {
	if file == "-" {
		data, err := readAll("stdin", stdin)
		return source{"stdin", data}, err
	}
	opened, err := os.Open(file)
	if err != nil {
		return source{}, err
	}
	defer opened.Close()
	data, err := readAll(file, opened)
	return source{file, data}, err
}

func readAll(name string, from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, largestFile+1))
	if err == nil && len(data) > largestFile {
		err = fmt.Errorf("%s is larger than 16MiB, which no policy file is", name)
	}
	return data, err
}

// check parses the file and looks at what it names.
func (s source) check(offline bool) findings {
	cfg, err := policy.Parse(s.name, s.data)
	found := findings{source: s, cfg: cfg}
	if errors.As(err, &found.problems) {
		return found
	}
	problems, warnings := gateway.Check(gateway.CheckConfig{Policy: cfg, Offline: offline})
	found.problems = problems.Sorted()
	found.warnings = append(policy.Problems(cfg.Warnings()), warnings...).Sorted()
	return found
}

// load reads and parses a policy file.
func load(file string) (*policy.Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return policy.Parse(file, data)
}
