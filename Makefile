# Everything here needs Go and its module proxy, nothing else; the pinned tools are built when first used.
GOTESTSUM     := gotest.tools/gotestsum@v1.13.0
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME      := 30s
BENCH         := bench
RACE          := $(shell gcc --version >/dev/null 2>&1 && echo -race)

.PHONY: build test lint fuzz bench kubernetes kubernetes-server release

build:
	CGO_ENABLED=0 go build -trimpath -o idlegate ./cmd/idlegate

# Every test, with the race detector where there is the C compiler that it needs. The last line counts them.
test:
	go run $(GOTESTSUM) --format pkgname -- $(RACE) -timeout 20m ./...

# What Kubernetes is given, read by kubectl, Helm, its types, and (with etcd) an API server: minutes to build.
kubernetes:
	cd deploy/internal/kubecheck && CGO_ENABLED=0 go run $(GOTESTSUM) --format pkgname -- -timeout 20m ./...
kubernetes-server:
	cd deploy/internal/kubecheck && CGO_ENABLED=0 go build -o $(CURDIR)/bin/ k8s.io/kubernetes/cmd/kube-apiserver && KUBE_APISERVER=$(CURDIR)/bin/kube-apiserver CGO_ENABLED=0 go test -count=1 -run APIServer -v ./...

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -d . && exit 1; }
	go vet ./...
	go mod tidy -diff
	go run $(GOLANGCI_LINT) run ./...
	.ci/govulncheck $(GOVULNCHECK)

fuzz:
	@.ci/fuzz $(FUZZTIME)

# In dist: binaries, packages, images, bills of materials, checksums; the same bytes from the same commit.
release:
	go run -C deploy/release . -source $(CURDIR) -out $(CURDIR)/dist

# Beside HAProxy and nginx, where they are installed: tables, and files in BENCH.
bench:
	go run ./cmd/idlebench --out $(BENCH)
