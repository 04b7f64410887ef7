"""The remedy cards: what can be done, as AWS's guides describe it, and what it does to the records.

Proved one by one in the sandbox by `make remedies`; `remedies.py` fills them in.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.findings.remedy_id import RemedyId


@dataclass(frozen=True)
class Remedy:
    """One way to repair. `effect` says what becomes of the records; `check` how to see that it worked."""

    id: RemedyId
    title: str
    command: str
    risk: str
    effect: str
    precondition: str
    check: str
    touches_mapping: bool = False


_INVOKED = "Within two minutes `Invocations` and `IteratorAge` have datapoints again; then run `runbook compare`."

CARDS = (
    Remedy(
        RemedyId.ENABLE_MAPPING,
        "Enable the mapping again",
        "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --enabled",
        "The backlog arrives at once: expect a burst of invocations, throttles and downstream load.",
        "Resumes where it stopped; records older than 24 hours are gone.",
        "Whoever disabled it agrees: a pause may be meant.",
        _INVOKED,
        touches_mapping=True,
    ),
    Remedy(
        RemedyId.MAP_LATEST_STREAM,
        "Create a mapping on the table's latest stream",
        "aws lambda create-event-source-mapping --region {region} --function-name {target}"
        " --event-source-arn {latest_stream_arn} --starting-position TRIM_HORIZON --batch-size {batch_size}",
        "Never use LATEST here: it throws away up to 24 hours of records that can still be had. Delete an old mapping"
        " only once its stream is drained.",
        "Delivers what the stream holds of the last 24 hours in a burst, oldest first: what waited, and once more what"
        " had been delivered from it. What was written while no stream was on is in none.",
        "The role may read `table/{table}/stream/*`, not one old label. Copy filters, retries and destination from the"
        " old mapping.",
        _INVOKED,
    ),
    Remedy(
        RemedyId.CORRECT_FILTER,
        "Correct or remove the filter",
        "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --filter-criteria '{filter_criteria}'",
        "A filter may be meant: ask its author before removing it.",
        "Records that were filtered out are passed over for good and are not replayed. To replay them, map another"
        " alias of the function with TRIM_HORIZON and expect duplicates.",
        "Try the new pattern on a real record first.",
        "New writes invoke the function within a minute.",
        touches_mapping=True,
    ),
    Remedy(
        RemedyId.ALLOW_STREAM_READS,
        "Let the role read the stream",
        "aws iam put-role-policy --role-name {role} --policy-name read-{table}-stream --policy-document '{grant}'",
        "Grants no more than reading this table's streams.",
        "The mapping retries by itself and delivers what is younger than 24 hours.",
        "The role is the one of the mapped version; IAM needs a minute or two to take effect.",
        "`LastProcessingResult` turns to `OK` some minutes later (it lags); invocations resume.",
    ),
    Remedy(
        RemedyId.FREE_CONCURRENCY,
        "Give the function concurrency back",
        "aws lambda delete-function-concurrency --region {region} --function-name {function}",
        "Zero is also the documented kill switch: ask who set it, and why. The backlog arrives as a burst.",
        "Throttled batches are retried until they expire: after 24 hours, or at the mapping's own record age limit.",
        "The reason for stopping the function is gone.",
        _INVOKED,
    ),
    Remedy(
        RemedyId.SKIP_FAILING_BATCH,
        "Get past the batch that keeps failing",
        "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --bisect-batch-on-function-error"
        ' --maximum-retry-attempts 3 --destination-config \'{{"OnFailure":{{"Destination":"<queue or topic ARN>"}}}}\'',
        "Finite retries discard the failing record: set a working destination first. A queue or topic receives only"
        " shard and sequence numbers, so fetch the record within 24 hours.",
        "The failing record is skipped, everything behind it is delivered.",
        "The failure is in the record, not in the code of every invocation.",
        "`IteratorAge` falls within minutes; the destination holds one message per skipped batch.",
        touches_mapping=True,
    ),
    Remedy(
        RemedyId.SWITCH_STREAM_ON,
        "Switch the stream on, then map it",
        "aws dynamodb update-table --region {region} --table-name {table}"
        " --stream-specification StreamEnabled=true,StreamViewType={view_type}",
        "The stream gets a new ARN, which no existing mapping follows (do R2 next) and which infrastructure code may"
        " not expect.",
        "Only writes from now on are recorded. What was written while it was off has to be rebuilt from the table.",
        "The view type carries the images that the function reads.",
        "`DescribeTable` shows `StreamEnabled: true` and a new `LatestStreamArn`.",
    ),
    Remedy(
        RemedyId.ENABLE_KEY,
        "Make the key usable again",
        "aws kms enable-key --region {region} --key-id <key>   # after cancel-key-deletion, if the key awaits deletion",
        "Somebody may have disabled the key on purpose: ask its owner. A table whose key stays away is archived after"
        " seven days.",
        "What waits in the stream is delivered once the key works, if it is younger than 24 hours.",
        "Or let the key's policy allow who needs it, where the key itself is enabled.",
        "`DescribeKey` shows `Enabled`; some minutes later table and function are back in service.",
    ),
    Remedy(
        RemedyId.ENABLE_TABLE_KEY,
        "Make the table's key usable again",
        "aws kms enable-key --region {region} --key-id {table_key}   # after cancel-key-deletion where it is scheduled",
        "A key may have been disabled on purpose; everything else encrypted with it opens again too.",
        "Records younger than 24 hours are delivered; writes refused meanwhile were never made.",
        "Its owner agrees. Seven days after the key was lost the table is archived.",
        "Reads work within some 7 minutes, and writes and invocations resume; `DescribeTable` may take an hour.",
    ),
    Remedy(
        RemedyId.DEPLOY_WORKING_CODE,
        "Bring working code back",
        "aws lambda update-function-code --region {region} --function-name {function} --s3-bucket <bucket>"
        " --s3-key <last good artefact>   # or --image-uri, where it runs from an image",
        "If the mapping invokes an alias, publish a version and move the alias too, or nothing changes.",
        "Failed batches are retried with the new code. What finite retries gave up before that is skipped (do R21"
        " next).",
        "The artefact is the one that ran before the onset.",
        "`Errors` falls to the level before the onset.",
    ),
    Remedy(
        RemedyId.GIVE_TIME_OR_MEMORY,
        "Give the function more time or memory",
        "aws lambda update-function-configuration --region {region} --function-name {function}"
        " --timeout <seconds> --memory-size <MB>",
        "A longer timeout makes each retry of a failing batch slower, and memory is paid for. If the mapping invokes an"
        " alias, publish a version and move the alias too, or nothing changes.",
        "Batches are retried with the new limits; with unlimited retries nothing younger than 24 hours is lost.",
        "The work is really that long or that large: `Duration` and `Max Memory Used` run into the limit.",
        "`Duration` and `Max Memory Used` stay below the limits; `Errors` or `IteratorAge` falls.",
    ),
    Remedy(
        RemedyId.CREATE_FUNCTION_AGAIN,
        "Delete the function and create it again",
        "aws lambda delete-function --region {region} --function-name {function}"
        "   # then create-function under the same name, with what its state reason names put right",
        "Versions, aliases and the reserved concurrency go with it: note them down first, and save the code.",
        "The mapping stays and goes on where it stopped, if a function of its name is back within 24 hours.",
        "The function was never Active in this form, so that nothing is lost by deleting it.",
        "`get-function-configuration` shows `Active`; invocations resume.",
    ),
    Remedy(
        RemedyId.RESTORE_ROLE,
        "Restore the role and its trust",
        "aws iam update-assume-role-policy --role-name {role} --policy-document '{trust}'",
        "Affects every function that uses the role.",
        "The mapping retries by itself and delivers what is younger than 24 hours.",
        "A role that was deleted must be created again, and the function saved with it once.",
        _INVOKED,
    ),
    Remedy(
        RemedyId.CHANGE_REFUSING_POLICY,
        "Change the policy that refuses",
        "aws iam get-role --role-name {role}   # then edit the policy named in the evidence",
        "Denies and boundaries are guardrails with owners: change them with their owner, never delete blindly.",
        "The mapping retries by itself and delivers what is younger than 24 hours.",
        "The owner of the guardrail agrees.",
        "SimulatePrincipalPolicy answers `allowed` for dynamodb:GetRecords; invocations resume.",
    ),
    Remedy(
        RemedyId.EXEMPT_IN_STREAM_POLICY,
        "Take the refusal out of the stream's resource policy",
        "aws dynamodb put-resource-policy --region {region} --resource-arn {latest_stream_arn}"
        " --policy file://<corrected policy>",
        "Replaces the whole policy, so start from what get-resource-policy answers. A stream that is created again"
        " has no policy: put it there again.",
        "The mapping retries by itself and delivers what is younger than 24 hours.",
        "The owner of the policy agrees to exempt role {role}.",
        "`LastProcessingResult` turns to `OK` some minutes later (it lags); invocations resume.",
    ),
    Remedy(
        RemedyId.RETARGET_MAPPING,
        "Point the mapping at a function that exists",
        "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --function-name <function[:alias]>",
        "The role of the new target must be able to read the stream.",
        "Keeps its position: what waits is delivered, if it is younger than 24 hours. What another function was handed"
        " meanwhile is not handed out again.",
        "Or create the function again under its old name: the mapping then resumes by itself.",
        _INVOKED,
        touches_mapping=True,
    ),
    Remedy(
        RemedyId.CHANGE_VIEW_TYPE,
        "Change the stream's view type",
        "aws dynamodb update-table --region {region} --table-name {table} --stream-specification StreamEnabled=false"
        "   # then R8 with the view type that the handler needs, then R2",
        "A view type cannot be changed in place: the stream is re-created, and every consumer must be mapped anew.",
        "Records of the old stream lack the image for good: a handler that needs it never gets them. Writes in between"
        " leave no record.",
        "Or change the handler to read the table, which needs no new stream.",
        "`DescribeStream` shows the new view type; `Errors` falls.",
    ),
    Remedy(
        RemedyId.FREE_READS_FROM_CONDITION,
        "Free the stream's reads from the condition",
        "aws iam put-role-policy --role-name {role} --policy-name read-{table}-stream --policy-document '{grant}'"
        "   # for an allow; take a deny's condition to its owner",
        "Grants no more than reading this table's streams. A conditioned deny is a guardrail: exempt the role in it"
        " (`ArnNotLike` on `aws:PrincipalArn`) with its owner rather than deleting it.",
        "The mapping retries by itself and delivers what is younger than 24 hours.",
        "The condition was meant for the function's own code, not for Lambda's poller.",
        "`LastProcessingResult` turns to `OK` some minutes later (it lags); invocations resume.",
    ),
    Remedy(
        RemedyId.MOVE_ALIAS,
        "Publish a version with the right role and move the alias to it",
        "aws lambda publish-version --region {region} --function-name {function}"
        "   # then update-alias --function-name {function} --name <alias> --function-version <new version>",
        "Publishes whatever code and configuration $LATEST has now: compare it with the mapped version first.",
        "The mapping keeps its position: records younger than 24 hours are delivered.",
        "The role of $LATEST may read the stream.",
        "`get-function-configuration --qualifier <alias>` shows the new role; invocations resume.",
    ),
    Remedy(
        RemedyId.RAISE_QUOTA,
        "Ask for a higher quota",
        "aws service-quotas request-service-quota-increase --region {region} --service-code lambda"
        " --quota-code <quota code> --desired-value <new value>",
        "Takes hours or days, so cap or move whatever uses the capacity up at once.",
        "Refused batches are retried until they expire; nothing younger than 24 hours is lost.",
        "The capacity is really needed, and not eaten by a runaway.",
        _INVOKED,
    ),
    Remedy(
        RemedyId.CHANGE_NETWORK,
        "Give the function a network it can be connected to",
        "aws lambda update-function-configuration --region {region} --function-name {function}"
        " --vpc-config SubnetIds=<subnets with free addresses>,SecurityGroupIds=<security groups>",
        "The code may reach other things from other subnets. If the mapping invokes an alias, publish a version and"
        " move the alias too.",
        "Refused batches are retried until they expire; nothing younger than 24 hours is lost.",
        "The subnets have free addresses, and role {role} may manage network interfaces.",
        "`State` turns to `Active`; invocations resume.",
    ),
    Remedy(
        RemedyId.PREPARE_FUNCTION_AGAIN,
        "Make Lambda prepare the function anew",
        "aws lambda update-function-configuration --region {region} --function-name {function}"
        " --description 'prepared again'   # and once more: the first update leaves it Failed, the second prepares it",
        "An update cancels the preparation that is stuck and leaves the function in state `Failed`; where the reason"
        " persists, so does the second one.",
        "Refused batches are retried until they expire; nothing younger than 24 hours is lost.",
        "The function has been Pending for more than six minutes.",
        "`State` turns to `Active` within a minute or two of the second update; invocations resume.",
    ),
    Remedy(
        RemedyId.RUN_MORE_BATCHES,
        "Let more batches of a shard run at once, or make each one quicker",
        "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --parallelization-factor 10",
        "Needs up to ten times the concurrency. Order is kept for each item only. Not possible with a tumbling window.",
        "What waits is delivered faster; nothing is skipped.",
        "The function bears more copies of itself, and so does what it calls.",
        "`IteratorAge` falls; drained after the backlog's age divided by the gain in speed.",
        touches_mapping=True,
    ),
    Remedy(
        RemedyId.CAP_BUSIEST_FUNCTION,
        "Cap the function that uses the account's concurrency up",
        "aws lambda put-function-concurrency --region {region} --function-name <the busiest function>"
        " --reserved-concurrent-executions <what it needs>",
        "The capped function is throttled in turn; ask its owner. Or give {function} a reservation of its own.",
        "Throttled batches are retried until they expire; nothing younger than 24 hours is lost.",
        "ConcurrentExecutions by function shows which one it is.",
        "`Throttles` of {function} ends; `IteratorAge` falls.",
    ),
    Remedy(
        RemedyId.SHARE_ONE_READER,
        "Read the stream once and hand its records on",
        "aws lambda list-event-source-mappings --region {region} --event-source-arn {latest_stream_arn}"
        "   # then let one function pass records on to a queue, a topic or a bus",
        "A change of design: the other consumers get their records later and from somewhere else.",
        "None is lost by having fewer readers.",
        "The consumers can live with one order and one filter.",
        "At most two mappings read the stream, one for a global table.",
    ),
    Remedy(
        RemedyId.ALLOW_DECRYPTION,
        "Let the role decrypt with the table's key",
        "aws kms put-key-policy --region {region} --key-id <key> --policy-name default"
        " --policy file://<corrected policy>",
        "Replaces the whole key policy: start from what get-key-policy answers, and never lock its administrators out.",
        "The mapping retries by itself and delivers what is younger than 24 hours.",
        "Where the key's policy lets the account decide, granting kms:Decrypt to role {role} is enough.",
        "`LastProcessingResult` turns to `OK` some minutes later (it lags); invocations resume.",
    ),
    Remedy(
        RemedyId.WAIT_FOR_AWS,
        "Wait for AWS, and watch the deadline",
        "aws health describe-events --region us-east-1 --filter services=LAMBDA,DYNAMODB,eventStatusCodes=open",
        "Changing things during an outage adds a second fault to the first; the records' 24 hours run all the same.",
        "Mappings resume by themselves at the position they had saved; records older than 24 hours by then are lost.",
        "Nothing of yours explains the stop. Where the deadline nears, copy the items written since the onset.",
        _INVOKED,
    ),
    Remedy(
        RemedyId.FIND_WRITERS,
        "Find out whether somebody writes",
        "aws dynamodb update-item --region {region} --table-name {table} ...  # one write that changes an attribute",
        "A write to production: with its owner's consent only.",
        "None waits: nothing was written.",
        "Region, account and table are the ones that the application uses.",
        "The write invokes the function within seconds, or after the batching window.",
    ),
    Remedy(
        RemedyId.FETCH_DISCARDED,
        "Fetch what was discarded and process it again",
        "aws dynamodbstreams get-shard-iterator --region {region} --stream-arn {latest_stream_arn} --shard-id <shard>"
        " --shard-iterator-type AT_SEQUENCE_NUMBER --sequence-number <startSequenceNumber>   # then get-records",
        "A queue or topic holds only the shard and the range of sequence numbers; only S3 keeps the records.",
        "Replays the discarded records by hand; expect duplicates of what succeeded in the same batch.",
        "The function can digest them by now, and they are younger than 24 hours. Older ones are rebuilt from the"
        " table.",
        "As many records were processed as the destination names.",
    ),
    Remedy(
        RemedyId.KEEP_RECORDS_LONGER,
        "Let records wait as long as the stream keeps them",
        "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --maximum-record-age-in-seconds -1",
        "Records that are worthless when late are processed all the same.",
        "Saves what is not yet older than the limit; what was discarded is not brought back.",
        "Whoever set the limit agrees. Do it before the cause is mended, or the backlog is discarded first.",
        "`DroppedEventCount` and messages at the failure destination cease.",
        touches_mapping=True,
    ),
    Remedy(
        RemedyId.REPAIR_DESTINATION,
        "Make the failure destination reachable",
        "aws iam put-role-policy --role-name {role} --policy-name report-failures --policy-document"
        ' \'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sqs:SendMessage",'
        '"Resource":"{destination}"}}]}}\'',
        "Grants writing to that one destination. FIFO queues and topics cannot be one: name a standard one.",
        "Batches given up from now on leave a message; earlier ones left none.",
        "A topic needs sns:Publish, a bucket s3:PutObject and s3:ListBucket, an encrypted one its key besides.",
        "`DestinationDeliveryFailures` ceases.",
    ),
    Remedy(
        RemedyId.DELIVER_SOONER,
        "Deliver sooner",
        "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --maximum-batching-window-in-seconds 0",
        "More and smaller invocations, which cost more and press harder on what is downstream.",
        "None is lost either way.",
        "The delay matters: a window may be meant.",
        "`IteratorAge` falls below the window.",
        touches_mapping=True,
    ),
    Remedy(
        RemedyId.REPLAY_SKIPPED,
        "Replay what was skipped through a second mapping",
        "aws lambda create-event-source-mapping --region {region} --function-name {function}:<replay alias>"
        " --event-source-arn {latest_stream_arn} --starting-position TRIM_HORIZON",
        "Every record of the last 24 hours comes again, delivered or not: the handler must bear duplicates.",
        "Delivers the skipped records while they are younger than 24 hours.",
        "An alias without a mapping of its own: one function and qualifier can map a stream only once.",
        "Once the replay has caught up, delete the second mapping.",
    ),
    Remedy(
        RemedyId.MAP_KINESIS_STREAM,
        "Map the Kinesis stream that the table feeds",
        "aws lambda create-event-source-mapping --region {region} --function-name {target} --event-source-arn"
        " <Kinesis stream ARN> --starting-position TRIM_HORIZON",
        "Kinesis records look different from DynamoDB Streams records: the handler and its filters must know them.",
        "Delivers what the Kinesis stream still holds; expect duplicates of what the old stream delivered meanwhile.",
        "The role may read the Kinesis stream. The change of product was meant; otherwise R8 brings DynamoDB Streams"
        " back.",
        _INVOKED,
    ),
)
