//! log4j2's files: P022.

use storm_lint::{Subject, lint};

use super::{found, host, mended, short};

const GOOD: &str = r#"<configuration monitorInterval="60">
  <appenders>
    <RollingFile name="A1" fileName="${sys:workers.artifacts}/w.log" filePattern="w.log.%i">
      <PatternLayout pattern="%d %m%n"/>
      <Policies>
        <SizeBasedTriggeringPolicy size="100 MB"/>
      </Policies>
      <DefaultRolloverStrategy max="9"/>
    </RollingFile>
  </appenders>
  <loggers>
    <root level="info">
      <appender-ref ref="A1"/>
    </root>
  </loggers>
</configuration>
"#;

#[test]
fn p022_an_element_at_the_wrong_level() {
    assert_eq!(found("worker.xml", GOOD), [""; 0]);
    let wrong = GOOD
        .replace("      <DefaultRolloverStrategy max=\"9\"/>\n", "")
        .replace("      </Policies>", "        <DefaultRolloverStrategy max=\"9\"/>\n      </Policies>");
    assert_eq!(found("worker.xml", &wrong), ["7:9 log4j/misplaced"]);
    assert_eq!(mended("worker.xml", &wrong), GOOD);
    assert_eq!(found("cluster.xml", "<Appenders/>\n"), ["1:1 log4j/misplaced"]);
}

#[test]
fn references_levels_and_policies() {
    let change = |old: &str, new: &str| GOOD.replace(old, new);
    let appender = change("ref=\"A1\"", "ref=\"A2\"");
    assert_eq!(found("worker.xml", &appender), ["13:7 log4j/appender"]);
    assert_eq!(mended("worker.xml", &appender), GOOD);
    let level = change("\"info\"", "\"inof\"");
    assert_eq!(found("worker.xml", &level), ["12:5 warning log4j/level"]);
    assert_eq!(mended("worker.xml", &level), GOOD);
    let policy = change("        <SizeBasedTriggeringPolicy size=\"100 MB\"/>\n", "");
    assert_eq!(found("worker.xml", &policy), ["3:5 log4j/policy"]);
    assert_eq!(found("worker.xml", "<configuration>\n  <loggers>\n</configuration>\n"), ["3:1 log4j/syntax"]);
}

#[test]
fn the_log_viewers_appender() {
    let storm = Subject::new("storm.yaml", "logviewer.appender.name: \"B1\"\n");
    let findings = lint(&[storm, Subject::new("worker.xml", GOOD)], &host());
    assert_eq!(findings.iter().map(short).collect::<Vec<_>>(), ["1:26 warning config/appender"]);
}
