package badger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
)

// The watermark is a text file of one line beside the database directory,
//
//	tallystick-watermark 1 <version> <CRC-32C of all before it, in hex>
//
// that says how new the database was at least. It lives apart from the
// database so that damage there does not take it along, and it is at most
// about a second behind.

func watermarkFile(dir string) string { return dir + ".watermark" }

// readWatermark returns the watermark of the database in dir, 0 if there is none.
func readWatermark(dir string) (version uint64, err error) {
	text, err := os.ReadFile(watermarkFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	version, ok := parseWatermark(string(text))
	if !ok {
		return 0, fmt.Errorf("badger: %s is damaged; if the database is known to be good, remove it", watermarkFile(dir))
	}
	return version, nil
}

func parseWatermark(text string) (version uint64, ok bool) {
	_, err := fmt.Sscanf(text, "tallystick-watermark 1 %d ", &version)
	return version, err == nil && text == watermarkText(version)
}

func watermarkText(version uint64) string {
	s := fmt.Sprintf("tallystick-watermark 1 %d ", version)
	return s + fmt.Sprintf("%08x\n", crc32.Checksum([]byte(s), castagnoli))
}

func writeWatermark(dir string, version uint64) error {
	return replaceFile(watermarkFile(dir), watermarkText(version))
}

// saveWatermark records that version is durable. It does nothing if the file
// says so already.
func (db *database) saveWatermark(version uint64) error {
	db.mark.Lock()
	defer db.mark.Unlock()
	if version <= db.watermark {
		return nil
	}
	if err := writeWatermark(db.dir, version); err != nil {
		return err
	}
	db.watermark = version
	return nil
}
