"""Sources and small PDF files, made by hand, for tests of inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batch_pipelines.domain.spec import ItemSource
from batch_pipelines.inputs.opening import open_source
from batch_pipelines.inputs.source import Source
from batch_pipelines.ledger.store import Ledger

HEAD = b"%PDF-1.4\n"


def source_of(
    folder: Path, *, project: str = "default", ledger: Ledger | None = None, most: int = 1_000, **fields: Any
) -> Source:
    """The source that such a part of a spec opens."""
    return open_source(ItemSource(**fields), folder, project, ledger, most)


def read(folder: Path, **fields: Any) -> list[dict[str, Any]]:
    """The items of a source, without their places."""
    return [record.fields for record in source_of(folder, **fields).records]


def pdf(*pages: str, title: str | None = None) -> bytes:
    """A PDF with a line of text on each page; an empty text makes a page without any, as of a scan."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(count))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else ""
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        bodies.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    bodies.append(f"<< /Title ({title or ''}) >>")
    return _with_references(bodies)


def _with_references(bodies: list[str]) -> bytes:
    """The objects one after the other, with the table of where each begins."""
    data, offsets = HEAD, []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(bodies) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R /Info {len(bodies)} 0 R >>\nstartxref\n{len(data)}\n%%EOF\n"
    return data + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode()
