package demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

public final class Main {
    private Main() {
    }

    private static String banner() throws IOException {
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(
                Main.class.getResourceAsStream("/banner.txt"), StandardCharsets.UTF_8))) {
            return reader.readLine();
        }
    }

    public static void main(String[] args) throws IOException {
        int sum = 0;
        System.out.println(banner());
        for (String arg : args) {
            sum += Integer.parseInt(arg);
        }
        System.out.println("sum " + sum);
        if (args.length == 0) {
            System.err.println("no numbers given");
            System.exit(3);
        }
    }
}
