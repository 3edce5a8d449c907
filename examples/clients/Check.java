// Is a gradient written by hand right?  With the JDK alone (17 or newer):
//
//   java Check.java [http://host:port]        or ADJOINT_URL=http://host:port java Check.java

import static java.lang.Math.cos;
import static java.lang.Math.exp;
import static java.lang.Math.sin;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Pattern;

public class Check {
    // Without a version, the JDK offers every server to go on in HTTP/2.
    static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    static final double X = 3, Y = 0.5;
    static final String QUESTION =
            "\"expr\": \"x^2*sin(y) + exp(-x*y)\", \"at\": {\"x\": %s, \"y\": %s}".formatted(X, Y);

    record Gradient(double x, double y) {}

    static Gradient right(double x, double y) {
        return new Gradient(2 * x * sin(y) - y * exp(-x * y), x * x * cos(y) - x * exp(-x * y));
    }

    /** Forgets the inner derivative -x in one component. */
    static Gradient wrong(double x, double y) {
        return new Gradient(right(x, y).x(), x * x * cos(y) + exp(-x * y));
    }

    static String url = System.getenv().getOrDefault("ADJOINT_URL", "http://127.0.0.1:8000");

    static String post(String path, String body) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(url + path))
                .header("content-type", "application/json").POST(BodyPublishers.ofString(body)).build();
        var response = CLIENT.send(request, BodyHandlers.ofString());
        var text = response.body();
        if (response.statusCode() < 300) return text;
        if (!text.contains("\"title\":")) throw new IOException("status " + response.statusCode());
        var hint = text.contains("\"hint\":") ? "\nhint: " + field(text, "hint") : "";
        throw new IOException(field(text, "title") + ": " + field(text, "detail") + hint);
    }

    /** The first string or number of this name. In a string the quotes have backslashes: none is taken for a name. */
    static String field(String json, String name) {
        var found = Pattern.compile('"' + name + "\":\\s*(?:\"((?:[^\"\\\\]|\\\\.)*+)\"|([^,}\\]]+))").matcher(json);
        if (!found.find()) throw new IllegalArgumentException("no " + name + " in " + json);
        return found.group(1) == null ? found.group(2) : found.group(1).replaceAll("\\\\([\"\\\\/])", "$1");
    }

    static void check(String label, Gradient claimed) throws IOException, InterruptedException {
        var grad = "{\"x\": %s, \"y\": %s}".formatted(claimed.x(), claimed.y());
        var report = post("/check", "{%s, \"claimed\": {\"grad\": %s}}".formatted(QUESTION, grad));
        System.out.println(label + " " + field(report, "verdict"));
        var diagnosis = report.substring(report.indexOf("\"diagnosis\":"));
        if (diagnosis.startsWith("\"diagnosis\":[{"))
            System.out.println("          " + field(diagnosis, "kind") + ": " + field(diagnosis, "detail"));
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length > 0) url = arguments[0];
        try {
            var answer = post("/grad", "{" + QUESTION + "}");
            System.out.println("value     " + field(answer, "value"));
            System.out.println("gradient  x " + field(answer, "x") + ", y " + field(answer, "y"));
            check("by hand  ", right(X, Y));
            check("mistaken ", wrong(X, Y));
        } catch (IOException error) {
            System.err.println(error.getMessage() == null ? "no connection to " + url : error.getMessage());
            System.exit(1);
        }
    }
}
