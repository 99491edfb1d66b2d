#!/usr/bin/env bash
# Generates the classes from protos/ and compiles the examples, with what Debian and Ubuntu have:
#   apt-get install --no-install-recommends $(cat packages.txt)
set -euo pipefail
cd "$(dirname "$0")"
jars=()
for name in grpc-{api,context,core,netty,protobuf,protobuf-lite,stub} protobuf protobuf-util \
  netty-{buffer,codec,codec-http,codec-http2,codec-socks,common,handler,handler-proxy,resolver,transport} \
  proto-google-common-protos guava gson perfmark-api opencensus-api geronimo-annotation-1.3-spec; do
  jars+=("${JARS:-/usr/share/java}/$name.jar")
done
classpath=$(IFS=:; echo "${jars[*]}")

rm -rf build
mkdir -p build/generated build/classes
protoc -I ../../protos --java_out=build/generated --grpc-java_out=build/generated \
  --plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" \
  ../../protos/jointtrack/v1/*.proto ../../protos/google/rpc/error_details.proto
find build/generated src -name '*.java' >build/sources
javac -nowarn -d build/classes -cp "$classpath" @build/sources
cp ../../client/jointtrack/service_config.json build/classes/
echo "$PWD/build/classes:$classpath" >build/classpath
