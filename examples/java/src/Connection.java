import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Where the server is, what every call sends, and what a failed call says. */
final class Connection implements AutoCloseable {
  private static final int MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
  private static final Metadata.Key<String> API_KEY =
      Metadata.Key.of("x-api-key", Metadata.ASCII_STRING_MARSHALLER);

  private final ManagedChannel channel;

  Connection() throws IOException {
    String target = System.getenv().getOrDefault("JOINTTRACK_TARGET", "localhost:50051");
    channel =
        Grpc.newChannelBuilder(target, credentials())
            .defaultServiceConfig(serviceConfig())
            .enableRetry()
            .perRpcBufferLimit(MAX_MESSAGE_BYTES) // larger requests are not tried again
            .keepAliveTime(330, TimeUnit.SECONDS)
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .build();
  }

  private static Map<String, ?> serviceConfig() throws IOException {
    try (var json = Connection.class.getResourceAsStream("/service_config.json")) {
      return new Gson()
          .fromJson(new InputStreamReader(json, StandardCharsets.UTF_8), new MapType().getType());
    }
  }

  private static final class MapType extends TypeToken<Map<String, ?>> {}

  /** Clear text, or TLS where the root certificates are named, mutual with one of our own. */
  private static ChannelCredentials credentials() throws IOException {
    String roots = System.getenv("JOINTTRACK_ROOTS");
    if (roots == null) return InsecureChannelCredentials.create();
    var tls = TlsChannelCredentials.newBuilder().trustManager(new File(roots));
    String certificate = System.getenv("JOINTTRACK_CERTIFICATE");
    if (certificate != null) {
      tls.keyManager(new File(certificate), new File(System.getenv("JOINTTRACK_CERTIFICATE_KEY")));
    }
    return tls.build();
  }

  /** The channel, with the key in every call's metadata. */
  Channel channel() {
    String key = System.getenv("JOINTTRACK_API_KEY");
    if (key == null) return channel;
    Metadata sent = new Metadata();
    sent.put(API_KEY, key);
    return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(sent));
  }

  /** The status and its details: https://google.aip.dev/193. */
  static String explain(Throwable error) {
    Status status = Status.fromThrowable(error);
    var text = new StringBuilder(status.getCode() + ": " + status.getDescription());
    var details = StatusProto.fromThrowable(error);
    try {
      for (Any detail : details == null ? List.<Any>of() : details.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          var info = detail.unpack(ErrorInfo.class);
          text.append("\nreason ").append(info.getReason());
          text.append("\nrequest_id ").append(info.getMetadataOrDefault("request_id", ""));
        } else if (detail.is(BadRequest.class)) {
          for (var violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
            text.append("\nfield ").append(violation.getField());
            text.append(": ").append(violation.getDescription());
          }
        } else if (detail.is(RetryInfo.class)) {
          var delay = detail.unpack(RetryInfo.class).getRetryDelay();
          var delayS = Durations.toMillis(delay) / 1000.0;
          text.append(String.format(Locale.ROOT, "%ntry again in %.3f s", delayS));
        }
      }
    } catch (InvalidProtocolBufferException broken) {
      text.append("\nbroken details: ").append(broken.getMessage());
    }
    return text.toString();
  }

  @Override
  public void close() throws InterruptedException {
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }
}
