package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// texts are the files in Markdown of the repository, by path from its root.
func texts(t *testing.T) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case strings.HasSuffix(path, ".md"):
			all = append(all, path)
		}
		return nil
	})
	if err != nil || !slices.Contains(all, "README.md") {
		t.Fatalf("found %q: %v", all, err)
	}
	return all
}

// anchor is what a heading is linked by.
func anchor(heading string) string {
	kept := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// anchors are those of a text.
func anchors(text string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		all = append(all, anchor(m[1]))
	}
	return all
}

// Every link from one file of the repository to another leads somewhere, to the heading that it names.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, file := range texts(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(read(t, file), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, heading, _ := strings.Cut(m[1], "#")
			to := filepath.Join(filepath.Dir(file), path)
			if path == "" {
				to = file
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			} else if heading != "" && !slices.Contains(anchors(read(t, to)), heading) {
				t.Errorf("%s links to %s: there is no such heading", file, m[1])
			}
		}
	}
}

// followedThere are texts that the tests in deploy follow, on machines and in containers of their own.
func followedThere() []string {
	return []string{
		"deploy/compose/README.md", "deploy/container/README.md", "deploy/package/README.md", "deploy/prometheus/README.md",
		"deploy/systemd/README.md",
	}
}

// Every command stands in a text that is followed.
func TestEveryTextWithCommandsIsFollowed(t *testing.T) {
	for _, file := range texts(t) {
		for _, b := range blocks(read(t, file)) {
			if b.language == "sh" && !slices.Contains(append(followed(), followedThere()...), file) {
				t.Errorf("nothing tests the commands of %s", file)
			}
		}
	}
}

// A README that names a test names one that there is.
func TestREADMEsNameTestsThatThereAre(t *testing.T) {
	there := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(code), -1) {
			there[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range texts(t) {
		for _, m := range regexp.MustCompile("`(Test[A-Z]\\w+)`").FindAllStringSubmatch(read(t, file), -1) {
			if !there[m[1]] {
				t.Errorf("%s names %s, which there is not", file, m[1])
			}
		}
	}
}
