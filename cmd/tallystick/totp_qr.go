package main

import (
	"errors"
	"image"
	"image/color"
	"io"
	"os"
	"strings"

	"github.com/boombuler/barcode/qr"
	"golang.org/x/term"
)

// quiet is how many light squares stand around a QR code (ISO/IEC 18004).
const quiet = 4

// drawQR draws the QR code of a text with block characters, two rows of squares
// in each line. coloured: black on white, whatever the terminal's colours are.
func drawQR(text string, coloured bool) (string, error) {
	code, err := qr.Encode(text, qr.L, qr.Auto) // the least redundancy: a screen has no stains
	if err != nil {
		return "", errors.New("the URI does not fit a QR code") // the library's error would quote the secret
	}
	var b strings.Builder
	size := code.Bounds().Dx()
	for y := -quiet; y < size+quiet; y += 2 {
		if coloured {
			b.WriteString("\x1b[30;107m")
		}
		for x := -quiet; x < size+quiet; x++ {
			switch above, below := isDark(code, x, y), isDark(code, x, y+1); {
			case above && below:
				b.WriteString("█")
			case above:
				b.WriteString("▀")
			case below:
				b.WriteString("▄")
			default:
				b.WriteByte(' ')
			}
		}
		if coloured {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// isDark reports whether a square is dark; those outside are not.
func isDark(code image.Image, x, y int) bool {
	return image.Pt(x, y).In(code.Bounds()) && color.GrayModel.Convert(code.At(x, y)).(color.Gray).Y < 128
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
