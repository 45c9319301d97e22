"""The bus: publish, request and consume, over adapters that pass one contract suite."""
