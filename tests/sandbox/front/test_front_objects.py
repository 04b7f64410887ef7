"""Files in S3 through the front: put once, given back, checked on arrival, in the time of the world."""

from __future__ import annotations

from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from small_world import NOW, SmallWorld, client, error_of

from runbook_lib.sandbox import RunningSandbox, deny, serve

HERE = {"LocationConstraint": "eu-west-1"}


def test_a_file_is_put_once_and_given_back(sandbox: RunningSandbox) -> None:
    """What is put is there with its length, type and checksum; put where something is, it is refused."""
    s3, bucket = client(sandbox, "s3"), f"runs-{uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=HERE)
    asked = {"Bucket": bucket, "Key": "a/b c.html"}
    s3.put_object(**asked, Body=b"hello", ContentType="text/html", ChecksumAlgorithm="SHA256", IfNoneMatch="*")
    head = s3.head_object(**asked, ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ContentType"]) == (5, "text/html")
    assert head["ChecksumSHA256"] == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
    assert s3.get_object(**asked)["Body"].read() == b"hello"
    (listed,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert (listed["Key"], listed["LastModified"]) == ("a/b c.html", NOW.replace(microsecond=0))
    assert error_of(lambda: s3.put_object(**asked, Body=b"other", IfNoneMatch="*"))[:2] == ("PreconditionFailed", 412)
    assert {entry.source for entry in sandbox.journal} == {"moto"}


def test_a_file_that_was_damaged_on_its_way_is_refused(sandbox: RunningSandbox) -> None:
    """A body that is not what its SHA-256 says is refused, as S3 does."""
    s3, bucket = client(sandbox, "s3"), f"runs-{uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=HERE)
    wrong = {"Body": b"hellp", "ChecksumSHA256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}
    assert error_of(lambda: s3.put_object(Bucket=bucket, Key="a", **wrong))[:2] == ("BadDigest", 400)


def test_refusals_reach_the_client_typed() -> None:
    """A missing bucket and a denial are errors that a client of S3 reads as such."""
    with serve(SmallWorld(), rules=[deny("s3", "GetObject")]) as box:
        s3 = client(box, "s3")
        with pytest.raises(ClientError, match="NoSuchBucket"):
            s3.put_object(Bucket=f"none-{uuid4().hex}", Key="a", Body=b"")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket="none", Key="a")
