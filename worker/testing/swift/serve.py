"""Serves OpenStack Swift with its S3 API (Debian's python3-swift) from one process: the account, container, object and
proxy apps of Swift's own programs. Arguments: a data folder on a file system with extended attributes, the access key and
the secret. Prints the proxy's port when it is ready; exits when stdin closes."""

import logging
import os
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi  # noqa: E402
from paste.deploy import loadapp  # noqa: E402
from swift.common import utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402

ROLES = ('account', 'container', 'object')

SERVER = """
[DEFAULT]
devices = {root}/devices
mount_check = false
[pipeline:main]
pipeline = {role}
[app:{role}]
use = egg:swift#{role}
"""

PROXY = """
[DEFAULT]
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth slo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_{user} = {secret} .admin
[filter:slo]
use = egg:swift#slo
[app:proxy-server]
use = egg:swift#proxy
swift_dir = {root}
account_autocreate = true
node_timeout = 30
"""


class Cache:
    """Replaces memcached."""

    def __init__(self):
        self.values = {}

    def get(self, key, *_args, **_kwargs):
        return self.values.get(key)

    def set(self, key, value, *_args, **_kwargs):
        self.values[key] = value

    def delete(self, key, *_args, **_kwargs):
        self.values.pop(key, None)


def with_cache(app):
    cache = Cache()
    return lambda env, start_response: app({**env, 'swift.cache': cache}, start_response)


def listen():
    return eventlet.listen(('127.0.0.1', 0))


def serve(socket, app):
    eventlet.spawn(wsgi.server, socket, app, log=logging.getLogger('wsgi'), log_output=False)


def write(path, text):
    with open(path, 'w') as file:
        file.write(text)
    return path


def main(root, access_key, secret):
    os.makedirs(f'{root}/devices/d1')
    write(f'{root}/swift.conf', '[swift-hash]\nswift_hash_path_suffix = test\n[storage-policy:0]\nname = one\ndefault = yes\n')
    utils.set_swift_dir(root)
    sockets = {role: listen() for role in ROLES}
    for role, socket in sockets.items():
        builder = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
        place = {'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': socket.getsockname()[1], 'device': 'd1', 'weight': 1}
        builder.add_dev(dict(place, id=0))
        builder.rebalance()
        builder.get_ring().save(f'{root}/{role}.ring.gz')
    for role, socket in sockets.items():
        conf = write(f'{root}/{role}-server.conf', SERVER.format(root=root, role=role))
        serve(socket, loadapp(f'config:{conf}'))
    user = access_key.replace(':', '_')
    conf = write(f'{root}/proxy-server.conf', PROXY.format(root=root, user=user, secret=secret))
    proxy = listen()
    serve(proxy, with_cache(loadapp(f'config:{conf}')))
    print(proxy.getsockname()[1], flush=True)
    eventlet.tpool.execute(sys.stdin.buffer.read)


main(*sys.argv[1:])
