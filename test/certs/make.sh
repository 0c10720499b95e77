#!/usr/bin/env bash
# Makes the certificates of the tests anew: two authorities, and a server and a client of each. They are good for nothing else.
set -euo pipefail
cd "$(dirname "$0")"
for ca in one two; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=podwire test authority $ca" \
    -keyout "ca-$ca.key" -out "ca-$ca.pem"
  for name in server client; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=podwire test $name" -keyout "$name-$ca.key" -out request.csr
    openssl x509 -req -in request.csr -CA "ca-$ca.pem" -CAkey "ca-$ca.key" -CAcreateserial -days 36500 -out "$name-$ca.pem" \
      -extfile <(echo "subjectAltName=DNS:orders.test,DNS:localhost,IP:127.0.0.1,IP:::1")
  done
  rm -f "ca-$ca.key" "ca-$ca.srl" request.csr
done
