package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"idlegate/gateway/admin/api"
)

// reportParts are the answers that a report has, by the names of their files.
func reportParts() []struct{ file, path string } {
	return []struct{ file, path string }{
		{"status.json", "/status"}, {"config.json", "/config"}, {"policies.json", "/policies"}, {"routes.json", "/routes"},
		{"upstreams.json", "/upstreams"}, {"history.json", "/history"}, {"silence.json", "/silence"}, {"advice.json", "/advice"},
		{"ended.json", fmt.Sprintf("/ended?limit=%d", api.MaxLimit)}, {"connections.json", fmt.Sprintf("/connections?limit=%d&sort=-silence", api.MaxLimit)},
	}
}

func newReport() *cobra.Command {
	var file string
	cmd := newRemote(&cobra.Command{
		Use:   "report",
		Short: "Gather in one archive what a bug report needs, without secrets",
		Long: "Gather in one archive (tar.gz) what the gateway says of itself: status with alarms, the policy in force, figures, endpoints,\n" +
			"the connections that are open and those that ended last. Keys, certificates and tokens are not in it, since the policy\n" +
			"names only their files. Addresses of clients and endpoints are, and bytes of streams that broke their protocol: look\n" +
			"before you send it to others.",
		Example: "  idlegate report\n" +
			"  idlegate report --file - | ssh other tar tz",
		Args: arguments(),
	}, func(c *call) error {
		now := time.Now()
		archive, missing, err := gatherReport(c, now)
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
	return cmd
}

// gatherReport returns the archive, and what the gateway would not say. It fails where the gateway does not answer at all.
func gatherReport(c *call, now time.Time) (archive []byte, missing []string, err error) {
	var buffer bytes.Buffer
	packed := gzip.NewWriter(&buffer)
	files := tar.NewWriter(packed)
	add := func(name string, body []byte) error {
		header := &tar.Header{Name: "idlegate-report/" + name, Mode: 0o600, Size: int64(len(body)), ModTime: now}
		if err := files.WriteHeader(header); err != nil {
			return err
		}
		_, err := files.Write(body)
		return err
	}
	got := 0
	var last error
	for _, part := range reportParts() {
		body, err := c.gateway.Raw(c.Context(), part.path)
		if err != nil {
			missing, last = append(missing, fmt.Sprintf("%s: %v", part.file, err)), err
			continue
		}
		got++
		if err := add(part.file, body); err != nil {
			return nil, nil, err
		}
	}
	if got == 0 {
		return nil, nil, last
	}
	about := fmt.Sprintf("made by idlegate %s (%s, %s/%s) at %s of the gateway at %s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		now.UTC().Format(time.RFC3339), c.gateway.Address())
	for _, why := range missing {
		about += "not in it: " + why + "\n"
	}
	err = errors.Join(add("about.txt", []byte(about)), files.Close(), packed.Close())
	return buffer.Bytes(), missing, err
}
