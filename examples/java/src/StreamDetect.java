import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import jointtrack.v1.DetectOptions;
import jointtrack.v1.Frame;
import jointtrack.v1.Image;
import jointtrack.v1.JointTrackServiceGrpc;
import jointtrack.v1.MeasurementType;
import jointtrack.v1.SideSummary;
import jointtrack.v1.SideValue;
import jointtrack.v1.StreamConfig;
import jointtrack.v1.StreamDetectRequest;
import jointtrack.v1.StreamDetectResponse;

/** Follows the knees through the frames of a video: java StreamDetect FRAME.jpg... */
final class StreamDetect
    implements ClientResponseObserver<StreamDetectRequest, StreamDetectResponse> {
  private static final int FRAMES_PER_S = 30;

  private final List<Path> paths;
  private final CompletableFuture<Void> done = new CompletableFuture<>();
  private int sent; // messages, the config included

  private StreamDetect(List<Path> paths) {
    this.paths = paths;
  }

  public static void main(String[] args) throws Exception {
    var stream = new StreamDetect(Stream.of(args).map(Path::of).toList());
    try (var connection = new Connection()) {
      JointTrackServiceGrpc.newStub(connection.channel()).streamDetect(stream);
      stream.done.join();
    } catch (CompletionException error) {
      System.err.println(Connection.explain(error.getCause()));
      System.exit(1);
    }
  }

  /** Each file is read when the stream has room for it; half-closed after the last one. */
  @Override
  public void beforeStart(ClientCallStreamObserver<StreamDetectRequest> requests) {
    requests.setOnReadyHandler(
        () -> {
          try {
            while (requests.isReady() && sent <= paths.size()) {
              requests.onNext(sent == 0 ? config() : frame(sent - 1));
              if (sent++ == paths.size()) requests.onCompleted();
            }
          } catch (IOException error) {
            requests.cancel(error.toString(), error);
          }
        });
  }

  private static StreamDetectRequest config() {
    var options =
        DetectOptions.newBuilder().addMeasurements(MeasurementType.MEASUREMENT_TYPE_KNEE_FLEXION);
    var config = StreamConfig.newBuilder().setOptions(options);
    return StreamDetectRequest.newBuilder().setConfig(config).build();
  }

  private StreamDetectRequest frame(int index) throws IOException {
    var bytes = ByteString.copyFrom(Files.readAllBytes(paths.get(index)));
    var frame =
        Frame.newBuilder()
            .setSequenceId(index)
            .setCaptureOffset(Durations.fromMillis(Math.round(index * 1000.0 / FRAMES_PER_S)))
            .setImage(Image.newBuilder().setEncoded(bytes));
    return StreamDetectRequest.newBuilder().setFrame(frame).build();
  }

  @Override
  public void onNext(StreamDetectResponse answer) {
    var id = answer.getSequenceId();
    switch (answer.getOutcomeCase()) {
      case DETECTION -> {
        for (var person : answer.getDetection().getPeopleList()) {
          var knee = person.getMeasurements(0);
          System.out.println(id + " " + value(knee.getLeft()) + " " + value(knee.getRight()));
        }
      }
      case SUMMARY -> {
        for (var person : answer.getSummary().getPeopleList()) {
          var knee = person.getMeasurements(0);
          System.out.println("left range: " + range(knee.getLeft()));
          System.out.println("right range: " + range(knee.getRight()));
        }
      }
      case ERROR -> System.out.println(id + " error: " + answer.getError().getMessage());
      default -> System.out.println(id + " dropped");
    }
  }

  private static String value(SideValue side) {
    return side.hasValueDeg() ? String.format(Locale.ROOT, "%.2f", side.getValueDeg()) : "-";
  }

  private static String range(SideSummary side) {
    return side.hasRangeDeg() ? String.format(Locale.ROOT, "%.2f", side.getRangeDeg()) : "-";
  }

  @Override
  public void onError(Throwable error) {
    done.completeExceptionally(error);
  }

  @Override
  public void onCompleted() {
    done.complete(null);
  }
}
