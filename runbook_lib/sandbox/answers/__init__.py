"""What the sandbox answers to each API operation. Importing this package registers them all."""

from runbook_lib.sandbox.answers import cloudtrail, cloudwatch, dynamodb, identity, mappings

__all__ = ["cloudtrail", "cloudwatch", "dynamodb", "identity", "mappings"]
