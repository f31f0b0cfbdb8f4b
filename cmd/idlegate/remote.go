package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/client"
)

// remote is how a command that talks to a running gateway finds it, and how it writes what it is told.
type remote struct {
	config client.Config
	format format
}

// remoteHelp ends the help of these commands.
const remoteHelp = "\n\nThe gateway is looked for at --admin, else at IDLEGATE_ADMIN, else at " + client.DefaultAddress + "."

// newRemote makes a command that talks to a running gateway. run gets a client for it, which is closed afterwards.
func newRemote(cmd *cobra.Command, run func(*call) error) *cobra.Command {
	r := &remote{format: inTable}
	r.flags(cmd)
	cmd.Long += remoteHelp
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := r.client(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		return run(&call{Command: cmd, gateway: c, args: args, json: r.format == inJSON})
	}
	return cmd
}

func (r *remote) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.config.Address, "admin", "", "`ADDRESS` of the gateway's admin.listen: host:port, :port, unix:/path, http://host:port or https://host:port")
	flags.StringVar(&r.config.TokenFile, "token-file", "", "`FILE` with the token that it demands; else IDLEGATE_TOKEN_FILE")
	flags.StringVar(&r.config.CA, "ca", "", "`FILE` of the authorities to trust with https; else IDLEGATE_CA")
	flags.StringVar(&r.config.Cert, "cert", "", "`FILE` of the certificate to show with https; else IDLEGATE_CERT")
	flags.StringVar(&r.config.Key, "key", "", "`FILE` of its key; else IDLEGATE_KEY")
	flags.VarP(&r.format, "output", "o", "table or json")
	complete(cmd, "output", choose(string(inTable), string(inJSON)))
}

// client is that for the gateway which flags and environment name. Certificates of the environment are for https only.
func (r *remote) client(cmd *cobra.Command) (*client.Client, error) {
	c := r.config
	c.Address = cmp.Or(c.Address, os.Getenv("IDLEGATE_ADMIN"))
	c.TokenFile = cmp.Or(c.TokenFile, os.Getenv("IDLEGATE_TOKEN_FILE"))
	if strings.HasPrefix(c.Address, "https://") {
		c.CA = cmp.Or(c.CA, os.Getenv("IDLEGATE_CA"))
		c.Cert = cmp.Or(c.Cert, os.Getenv("IDLEGATE_CERT"))
		c.Key = cmp.Or(c.Key, os.Getenv("IDLEGATE_KEY"))
	}
	made, err := client.New(c)
	var wrong *client.AddressError
	if errors.As(err, &wrong) {
		return nil, usage(cmd, "%w", err)
	}
	return made, err
}

// call is one run of a command that talks to a running gateway.
type call struct {
	*cobra.Command
	gateway *client.Client
	args    []string
	json    bool // is asked for, not tables
}

// printJSON writes an answer as the gateway gave it.
func (c *call) printJSON(answer any) error {
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(answer)
}

func (c *call) printLines(lines []string) error { return writeLines(c.OutOrStdout(), lines) }

func (c *call) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c.OutOrStdout(), format, args...)
	return err
}

// remark says on standard error what is no part of the result.
func (c *call) remark(format string, args ...any) {
	fmt.Fprintf(c.ErrOrStderr(), format+"\n", args...)
}

func writeLines(w io.Writer, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}
