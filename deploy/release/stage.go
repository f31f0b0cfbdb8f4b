package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// documentation is where a package has what is to be read.
const documentation = "usr/share/doc/idlegate/"

// stage lays out the files of a package as they will be installed, all dated as the commit.
func stage(b *built) error {
	b.staged = filepath.Join(b.out, "linux", b.arch, "root")
	copies := map[string]string{
		b.binary: "usr/bin/idlegate",
		filepath.Join(b.source, "deploy/systemd/idlegate.service"): "usr/lib/systemd/system/idlegate.service",
		filepath.Join(b.source, "deploy/systemd/sysusers.conf"):    "usr/lib/sysusers.d/idlegate.conf",
		filepath.Join(b.source, "deploy/systemd/tmpfiles.conf"):    "usr/lib/tmpfiles.d/idlegate.conf",
		filepath.Join(b.source, "deploy/systemd/idlegate.socket"):  documentation + "examples/idlegate.socket",
		filepath.Join(b.source, "deploy/logrotate/idlegate"):       "etc/logrotate.d/idlegate",
		filepath.Join(b.source, "deploy/package/copyright"):        documentation + "copyright",
		filepath.Join(b.source, "deploy/package/environment"):      "etc/default/idlegate",
		filepath.Join(b.source, "deploy/package/lintian"):          "usr/share/lintian/overrides/idlegate",
		b.name(".cdx.json"): documentation + "idlegate.cdx.json",
	}
	examples, err := filepath.Glob(filepath.Join(b.source, "deploy/examples/*.yaml"))
	if err != nil {
		return err
	}
	for _, example := range examples {
		copies[example] = documentation + "examples/" + filepath.Base(example)
	}
	for from, to := range copies {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := b.put(to, data); err != nil {
			return err
		}
	}
	if err := b.putChangelog(); err != nil {
		return err
	}
	if err := b.generate(); err != nil {
		return err
	}
	return b.settle()
}

func (b *built) put(name string, data []byte) error {
	path := filepath.Join(b.staged, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func (b *built) putChangelog() error {
	changes, err := os.ReadFile(filepath.Join(b.source, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	if err := b.put(documentation+"changelog.gz", squeeze(changes)); err != nil {
		return err
	}
	entry := fmt.Sprintf("idlegate (%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- idlegate <idlegate@localhost>  %s\n",
		debianVersion(b.version()), b.time.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	return b.put(documentation+"changelog.Debian.gz", squeeze([]byte(entry)))
}

// completions are where each shell looks for them.
var completions = map[string]string{
	"bash": "usr/share/bash-completion/completions/idlegate",
	"zsh":  "usr/share/zsh/vendor-completions/_idlegate",
	"fish": "usr/share/fish/vendor_completions.d/idlegate.fish",
}

// generate has the commands write their own manual pages and completions. A binary of the machine's own architecture does it, with
// the version of this one.
func (b *built) generate() error {
	tool := filepath.Join(b.out, "linux", architectures[0], "idlegate")
	pages := filepath.Join(b.staged, "usr/share/man/man1")
	if err := b.run(tool, "man", pages); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(pages, "*.1"))
	if err != nil {
		return err
	}
	for _, page := range found {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		if err := os.WriteFile(page+".gz", squeeze(text), 0o644); err != nil {
			return err
		}
		if err := os.Remove(page); err != nil {
			return err
		}
	}
	for shell, place := range completions {
		script, err := exec.Command(tool, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("completion %s: %w", shell, err)
		}
		if err := b.put(place, script); err != nil {
			return err
		}
	}
	return nil
}

func (b *built) run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", b.time.Unix()))
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, said)
	}
	return nil
}

// settle gives all that is staged its mode and its date, whatever umask and clock were.
func (b *built) settle() error {
	return filepath.WalkDir(b.staged, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if entry.IsDir() || strings.HasPrefix(path, filepath.Join(b.staged, "usr/bin")) {
			mode = 0o755
		}
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
		return os.Chtimes(path, b.time, b.time)
	})
}

// squeeze is gzip -9n.
func squeeze(data []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // it is a level
	_, _ = w.Write(data)                                    // a buffer takes all
	_ = w.Close()
	return out.Bytes()
}
