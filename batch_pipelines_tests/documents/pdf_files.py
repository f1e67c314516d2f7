"""PDF files for tests, of plain text in Helvetica."""

from __future__ import annotations

from collections.abc import Sequence


def make_pdf(pages: Sequence[Sequence[str]], title: str = "") -> bytes:
    """A PDF with these lines on its pages; a page of no lines has no text, as a scan."""
    objects = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    root = 2 * len(pages) + 2
    kids = []
    for lines in pages:
        drawn = "BT /F1 12 Tf 50 750 Td 14 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream".encode())
        content = len(objects)
        font = "/Resources << /Font << /F1 1 0 R >> >>"
        box = "/MediaBox [0 0 612 792]"
        objects.append(f"<< /Type /Page /Parent {root} 0 R {box} /Contents {content} 0 R {font} >>".encode())
        kids.append(f"{len(objects)} 0 R")
    objects.append(f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode())
    objects.append(f"<< /Type /Catalog /Pages {root} 0 R >>".encode())
    objects.append(f"<< /Title ({title}) >>".encode())
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    content, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        offsets.append(len(content))
        content += f"{number} 0 obj\n".encode() + each + b"\nendobj\n"
    count = len(objects)
    table = b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    trailer = f"trailer\n<< /Size {count + 1} /Root {count - 1} 0 R /Info {count} 0 R >>\n"
    start = f"startxref\n{len(content)}\n%%EOF"
    return content + f"xref\n0 {count + 1}\n0000000000 65535 f \n".encode() + table + (trailer + start).encode()
