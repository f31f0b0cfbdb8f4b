package demo

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestFrameIsReadBack(t *testing.T) {
	var wire bytes.Buffer
	bodies := []string{"0This was a test for long Conn", "", "Headers"}
	for _, body := range bodies {
		wire.Write(frame(body))
	}
	for _, want := range bodies {
		if got, err := readFrame(&wire); got != want || err != nil {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
	}
	if _, err := readFrame(&wire); !errors.Is(err, io.EOF) {
		t.Errorf("after the last message the error is %v", err)
	}
}

func TestFrameHasTheTutorialsLayout(t *testing.T) {
	if got, want := frame("hello"), []byte("Headers\x00\x00\x00\x05hello"); !bytes.Equal(got, want) {
		t.Errorf("frame is %q, want %q", got, want)
	}
}

func TestBadFramesAreErrors(t *testing.T) {
	rows := []struct{ name, wire string }{
		{"another magic", "Heading\x00\x00\x00\x01a"},
		{"a length beyond all reason", "Headers\xff\xff\xff\xffa"},
		{"the end within a header", "Headers\x00"},
		{"the end within a body", "Headers\x00\x00\x00\x05hell"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if body, err := readFrame(bytes.NewBufferString(row.wire)); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("read %q, %v", body, err)
			}
		})
	}
}
