import com.google.protobuf.ByteString;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import jointtrack.v1.DetectOptions;
import jointtrack.v1.DetectRequest;
import jointtrack.v1.Image;
import jointtrack.v1.JointTrackServiceGrpc;
import jointtrack.v1.MeasurementType;
import jointtrack.v1.SideValue;

/** Measures both shoulders in a photo: java Detect PHOTO. */
final class Detect {
  private static final int TIMEOUT_S = 30;

  public static void main(String[] args) throws Exception {
    var photo = ByteString.copyFrom(Files.readAllBytes(Path.of(args[0])));
    var request =
        DetectRequest.newBuilder()
            .setImage(Image.newBuilder().setEncoded(photo))
            .setOptions(
                DetectOptions.newBuilder()
                    .addMeasurements(MeasurementType.MEASUREMENT_TYPE_SHOULDER_ABDUCTION))
            .build();
    try (var connection = new Connection()) {
      var stub =
          JointTrackServiceGrpc.newBlockingStub(connection.channel())
              .withDeadlineAfter(TIMEOUT_S, TimeUnit.SECONDS);
      var detection = stub.detect(request).getDetection();
      if (detection.getPeopleCount() == 0) System.out.println("nobody found");
      for (var person : detection.getPeopleList()) {
        show("left", person.getMeasurements(0).getLeft());
        show("right", person.getMeasurements(0).getRight());
      }
    } catch (StatusRuntimeException error) {
      System.err.println(Connection.explain(error));
      System.exit(1);
    }
  }

  private static void show(String name, SideValue side) {
    if (side.hasValueDeg()) {
      System.out.printf(Locale.ROOT, "%s: %.2f degrees%n", name, side.getValueDeg());
    } else {
      System.out.printf("%s: no value, %s%n", name, side.getMissingReason());
    }
  }
}
