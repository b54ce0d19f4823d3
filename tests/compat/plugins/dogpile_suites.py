"""The suites that dogpile.cache has for backends, on fastcache's."""

from __future__ import annotations

from dogpile.testing.fixtures import _GenericBackendTestSuite, _GenericMutexTestSuite, _GenericSerializerTestSuite


class BackendTest(_GenericBackendTestSuite):
    backend = "fastcache"
    config_args = {"arguments": {"maxsize": 1000, "ttl": 60}}


class SerializerTest(_GenericSerializerTestSuite, BackendTest):
    pass


class MutexTest(_GenericMutexTestSuite):
    backend = "fastcache"
    config_args = {"arguments": {}}
