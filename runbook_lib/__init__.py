"""Diagnose a DynamoDB stream that stopped triggering its Lambda function."""
