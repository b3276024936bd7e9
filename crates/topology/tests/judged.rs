//! Topologies judged by Apache Storm itself: what its own classes make of the same input.

mod judged {
    mod groupings;
    mod system;

    use std::io::Write;
    use std::process::Stdio;

    use serde_json::Value;
    use storm_tests::peers;

    /// Runs a program of `tests/java` on lines of input; each line of its output is JSON.
    fn run_java(class: &str, input: &[String], args: &[&str]) -> Vec<Value> {
        let mut java = peers::java(&[&peers::java_classes().display().to_string(), &peers::storm_server_classpath()]);
        // Log4j writes to standard output unless told otherwise.
        java.args(["-Dlog4j2.level=OFF", class])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = java.spawn().expect("java starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let text = input.iter().fold(String::new(), |text, line| text + line + "\n");
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = child.wait_with_output().expect("java ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        writer.join().expect("the writer ends").expect("java reads all of its input");
        let lines = String::from_utf8(output.stdout).expect("UTF-8");
        // Storm's log goes to standard output, too.
        let answers = lines.lines().filter(|l| l.starts_with(['{', '[']));
        answers.map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
    }
}
