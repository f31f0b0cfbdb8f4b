package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"idlegate/gateway/admin/api"
)

// reportParts are the answers that a report has, by the names of their files.
func reportParts() []struct{ file, path string } {
	return []struct{ file, path string }{
		{"status.json", "/status"}, {"config.json", "/config"}, {"policies.json", "/policies"}, {"routes.json", "/routes"},
		{"process.json", "/process"}, {"upstreams.json", "/upstreams"}, {"history.json", "/history"}, {"silence.json", "/silence"}, {"advice.json", "/advice"},
		{"ended.json", fmt.Sprintf("/ended?limit=%d", api.MaxLimit)}, {"connections.json", fmt.Sprintf("/connections?limit=%d&sort=-silence", api.MaxLimit)},
	}
}

func newReport() *cobra.Command {
	var file string
	var keepBytes bool
	cmd := newRemote(&cobra.Command{
		Use:   "report",
		Short: "Gather in one archive what a bug report needs, without secrets",
		Long: "Gather in one archive (tar.gz) what the gateway says of itself: version and process with what its goroutines are at, status\n" +
			"with alarms, the policy in force, metrics, the last hour, endpoints, the connections that are open and those that ended\n" +
			"last, and the last lines of the log.\n\n" +
			"Keys, certificates and tokens are not in it, since the policy names only their files, nor is anything of the environment.\n" +
			"What health checks and probes send is left out, and the lines of a policy file that was refused; so are the bytes of\n" +
			"streams that broke their protocol, unless --with-bytes asks for them. Addresses of clients and endpoints are in it: look\n" +
			"before you send it to others.",
		Example: "  idlegate report\n" +
			"  idlegate report --file - | ssh other tar tz",
		Args: arguments(),
	}, func(c *call) error {
		now := time.Now()
		archive, missing, err := gatherReport(c, now, keepBytes)
		if err != nil {
			return err
		}
		switch file {
		case "-":
			if _, err := c.OutOrStdout().Write(archive); err != nil {
				return err
			}
		case "":
			file = "idlegate-report-" + now.UTC().Format("20060102T150405Z") + ".tar.gz"
			fallthrough
		default:
			if err := os.WriteFile(file, archive, 0o600); err != nil {
				return err
			}
			if err := c.printf("%s\n", file); err != nil {
				return err
			}
		}
		for _, why := range missing {
			c.remark("not in it: %s", why)
		}
		return nil
	})
	cmd.Flags().StringVar(&file, "file", "", "write to this `FILE`, which is overwritten; - is standard output. Without it: a new one here")
	cmd.Flags().BoolVar(&keepBytes, "with-bytes", false, "keep the bytes of streams that broke their protocol, passwords among them if they were sent")
	return cmd
}

// gatherReport returns the archive, and what the gateway would not say. It fails where the gateway does not answer at all.
func gatherReport(c *call, now time.Time, keepBytes bool) (archive []byte, missing []string, err error) {
	var buffer bytes.Buffer
	packed := gzip.NewWriter(&buffer)
	files := tar.NewWriter(packed)
	add := func(name string, body []byte) error {
		header := &tar.Header{Name: "idlegate-report/" + name, Mode: 0o600, Size: int64(len(body)), ModTime: now.Truncate(time.Second)}
		if err := files.WriteHeader(header); err != nil {
			return err
		}
		_, err := files.Write(body)
		return err
	}
	got := 0
	var last error
	part := func(name string, body []byte, err error) error {
		if err != nil {
			missing, last = append(missing, fmt.Sprintf("%s: %v", name, err)), err
			return nil
		}
		got++
		return add(name, body)
	}
	for _, of := range reportParts() {
		body, err := c.gateway.Raw(c.Context(), of.path)
		if err == nil {
			body, err = withoutSecrets(body, keepBytes)
		}
		if err := part(of.file, body, err); err != nil {
			return nil, nil, err
		}
	}
	body, err := c.gateway.Metrics(c.Context())
	if err := part("metrics.txt", body, err); err != nil {
		return nil, nil, err
	}
	if got == 0 {
		return nil, nil, last
	}
	err = errors.Join(add("about.txt", aboutReport(c, now, missing, keepBytes)), files.Close(), packed.Close())
	return buffer.Bytes(), missing, err
}

// aboutReport says who has made a report, and what is not in it.
func aboutReport(c *call, now time.Time, missing []string, keepBytes bool) []byte {
	about := fmt.Sprintf("made by idlegate %s at %s of the gateway at %s\n", versionLine(), now.UTC().Format(time.RFC3339), c.gateway.Address())
	about += "left out: what health checks and probes send, the lines of the policy file that have a problem"
	if !keepBytes {
		about += ", the bytes of streams that broke their protocol (--with-bytes keeps them)"
	}
	about += "\n"
	for _, why := range missing {
		about += "not in it: " + why + "\n"
	}
	return []byte(about)
}
