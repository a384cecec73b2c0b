"""Calls the simulated KMS as any program with boto3 does. Standard input: the service's line; standard output: JSON."""
import base64
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ready = json.load(sys.stdin)
kms = boto3.client(
    "kms",
    endpoint_url=ready["endpoint"],
    verify=ready["ca"],
    region_name=ready["region"],
    aws_access_key_id=ready["accessKeyId"],
    aws_secret_access_key=ready["secretAccessKey"],
    config=Config(retries={"max_attempts": 0}),
)


def refusal(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def text(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat()


context = {"purpose": "test", "tenant": "7"}
created = kms.create_key(Description="of boto3")["KeyMetadata"]
key = created["Arn"]
kms.create_alias(AliasName="alias/boto3", TargetKeyId=key)
sealed = kms.encrypt(KeyId="alias/boto3", Plaintext=b"of boto3", EncryptionContext=context)
blob = sealed["CiphertextBlob"]
data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
bare = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=17)
pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
asymmetric = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
policy["Statement"].append(
    {"Sid": "NoRandom", "Effect": "Deny", "Principal": "*", "Action": "kms:EnableKey", "Resource": "*"}
)
kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
denied = refusal(kms.enable_key, KeyId=key)
policy["Statement"].pop()
kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
kms.disable_key(KeyId=key)
disabled = refusal(kms.encrypt, KeyId=key, Plaintext=b"x")
state = kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
kms.enable_key(KeyId=key)

print(
    json.dumps(
        {
            "created": created,
            "opened": opened["Plaintext"],
            "dataKey": [data_key["Plaintext"], kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"]],
            "bare": len(kms.decrypt(CiphertextBlob=bare["CiphertextBlob"])["Plaintext"]),
            "pair": {
                "public": pair["PublicKey"],
                "private": pair["PrivateKeyPlaintext"],
                "opened": kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"],
            },
            "asymmetric": {"id": asymmetric, "public": kms.get_public_key(KeyId=asymmetric)["PublicKey"]},
            "random": len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]),
            "keys": [one["KeyArn"] for one in kms.list_keys()["Keys"]],
            "aliases": [one["AliasName"] for one in kms.list_aliases(KeyId=key)["Aliases"]],
            "state": [state, kms.describe_key(KeyId="alias/boto3")["KeyMetadata"]["KeyState"]],
            "refusals": {
                "otherContext": refusal(kms.decrypt, CiphertextBlob=blob, EncryptionContext={"tenant": "8"}),
                "disabled": disabled,
                "denied": denied,
                "unknownKey": refusal(kms.describe_key, KeyId="alias/nobody"),
                "tooMuch": refusal(kms.generate_random, NumberOfBytes=1025),
                "notHere": refusal(kms.list_grants, KeyId=key),
            },
        },
        default=text,
    )
)
