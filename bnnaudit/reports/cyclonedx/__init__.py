"""Audits as CycloneDX 1.7 ML-BOM: `writer` (the document), `model_card`, `declarations`."""
