#!/bin/sh
# What the example declares is about: a few accounts, and real daemons with sockets as those daemons make them.
# Run as root on Debian with nginx-light, gunicorn and redis-server installed; "make demo" runs it in its container.
# It sets no permission of any socket.
set -eu

# -- accounts ------------------------------------------------------------------------------------------------------
# www-data, backup and nobody are there on every Debian.
for name in shop monitoring intern; do
  getent passwd "$name" >/dev/null || useradd --system --shell /usr/sbin/nologin "$name"
done
gpasswd --add intern backup >/dev/null

# -- an application, twice -----------------------------------------------------------------------------------------
mkdir -p /srv/shop
cat >/srv/shop/shop.py <<'EOF'
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"The application answers.\n"]
EOF
# The shop: gunicorn makes the socket itself, closed to others.
cat >/etc/systemd/system/shop.service <<'EOF'
[Service]
Type=notify
User=shop
RuntimeDirectory=shop
ExecStart=/usr/bin/gunicorn --chdir /srv/shop --bind unix:/run/shop/shop.sock --umask 007 shop:app
EOF
# The API: systemd makes the socket, open to everyone, which is what it does unless told otherwise.
cat >/etc/systemd/system/api.socket <<'EOF'
[Socket]
ListenStream=/run/api.sock
EOF
cat >/etc/systemd/system/api.service <<'EOF'
[Service]
Type=notify
User=shop
ExecStart=/usr/bin/gunicorn --chdir /srv/shop shop:app
EOF

# -- nginx in front of both ----------------------------------------------------------------------------------------
cat >/etc/nginx/sites-available/default <<'EOF'
server {
  listen 80 default_server;
  location / {
    proxy_pass http://unix:/run/shop/shop.sock;
  }
  location /api/ {
    proxy_pass http://unix:/run/api.sock;
  }
}
EOF

# -- redis on a Unix socket ----------------------------------------------------------------------------------------
mkdir -p /etc/systemd/system/redis-server.service.d
cat >/etc/systemd/system/redis-server.service.d/socket.conf <<'EOF'
[Service]
ExecStart=
ExecStart=/usr/bin/redis-server /etc/redis/redis.conf --supervised systemd --daemonize no --port 0 \
  --unixsocket /run/redis/redis-server.sock --unixsocketperm 770
# Some containers let no unit have a user namespace of its own.
PrivateUsers=no
EOF

systemctl daemon-reload
systemctl restart redis-server.service api.socket shop.service nginx.service
