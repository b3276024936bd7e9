//! The built-in components one by one.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;
use storm_topology::builtins::{CountBolt, FileBolt, LinesSpout, SplitBolt};
use storm_topology::{
    Bolt, BoltOutput, Collector, Emission, Fields, Lineage, Link, MessageId, Progress, Rows, Spout, SpoutOutput,
    TaskContext, Tuple, TupleSource, Value, ValueRef, Waker,
};

#[derive(Default)]
struct Notes {
    emitted: Vec<(Option<u64>, Vec<Value>)>,
    acked: Vec<u64>,
    failed: Vec<u64>,
    errors: Vec<String>,
}

impl Collector for Notes {
    fn emit(&mut self, emission: Emission<'_>) {
        let id = match emission.link {
            Link::Message(id) => id.number(),
            _ => None,
        };
        self.emitted.push((id, emission.values.iter().map(ValueRef::to_value).collect()));
    }
    fn ack(&mut self, lineage: &Lineage, _: &TupleSource) {
        self.acked.extend(lineage.roots().map(|(root, _)| root));
    }
    fn fail(&mut self, lineage: &Lineage, _: &TupleSource) {
        self.failed.extend(lineage.roots().map(|(root, _)| root));
    }
    fn reset_timeout(&mut self, _: &Lineage) {}
    fn report_error(&mut self, message: &str) {
        self.errors.push(message.to_owned());
    }
    fn pending(&self) -> usize {
        0
    }
}

fn context(tasks: &[i32], index: usize) -> (TaskContext, Receiver<()>) {
    let (wake, woken) = channel();
    let waker = Waker::new(move || wake.send(()).expect("the test listens"));
    let component_tasks = tasks.into();
    (
        TaskContext { component_tasks, task_index: index, task_id: tasks[index], waker, ..TaskContext::detached("c") },
        woken,
    )
}

fn execute(bolt: &mut impl Bolt, id: u64, values: &[Value], notes: &mut Notes) {
    let refs: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
    let rows = Rows::one(&refs);
    let source = Arc::new(TupleSource {
        component: "s".into(),
        stream: "default".into(),
        task: 9,
        fields: Fields::new((0..values.len()).map(|i| i.to_string())),
        key: 0,
    });
    let lineage = Lineage::new(Some((id, 1)), 0);
    bolt.execute(&Tuple::new(&rows, 0, &source, &lineage), &mut BoltOutput::new(notes)).expect("it works");
}

/// A spout over these files, opened as one of so many tasks.
fn lines(files: &[&Path], repeat: bool, tasks: usize, index: usize) -> LinesSpout {
    let mut spout = LinesSpout::new(files.iter().map(|f| f.display().to_string()).collect(), repeat);
    let tasks: Vec<i32> = (1..=tasks as i32).collect();
    spout.open(&context(&tasks, index).0).expect("it opens");
    spout
}

/// All that it emits until it has nothing, or up to a number.
fn drain(spout: &mut LinesSpout, most: usize) -> Vec<(u64, Value)> {
    let mut notes = Notes::default();
    while notes.emitted.len() < most {
        let before = notes.emitted.len();
        match spout.next_tuple(&mut SpoutOutput::new(&mut notes)).expect("it reads") {
            Progress::Emitted => {}
            Progress::Exhausted => {
                assert_eq!(before, notes.emitted.len());
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    notes.emitted.into_iter().map(|(id, mut values)| (id.expect("reliable"), values.remove(0))).collect()
}

fn texts(emitted: &[(u64, Value)]) -> Vec<&str> {
    emitted.iter().map(|(_, v)| v.as_ref().as_str().expect("text")).collect()
}

fn ack(spout: &mut LinesSpout, id: u64) {
    spout.ack(MessageId::Number(id), &mut SpoutOutput::new(&mut Notes::default())).expect("it is told");
}

fn fail(spout: &mut LinesSpout, id: u64) {
    spout.fail(MessageId::Number(id), &mut SpoutOutput::new(&mut Notes::default())).expect("it is told");
}

#[test]
fn lines_are_emitted_until_they_are_acked() {
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    fs::write(&a, b"one\n\ntwo\r\nno \xff utf8\n").expect("written");
    fs::write(&b, "last, without an end").expect("written");
    let mut spout = lines(&[&a, &b], false, 1, 0);
    let emitted = drain(&mut spout, 100);
    let wanted: Vec<Value> = vec![
        "one".into(),
        "".into(),
        "two\r".into(),
        Value::Bytes(Bytes::from_static(b"no \xff utf8")),
        "last, without an end".into(),
    ];
    assert_eq!(emitted.iter().map(|(_, v)| v.clone()).collect::<Vec<_>>(), wanted);

    let ids: Vec<u64> = emitted.iter().map(|(id, _)| *id).collect();
    ack(&mut spout, ids[3]);
    ack(&mut spout, ids[0]);
    for id in [ids[4], ids[2], ids[3]] {
        fail(&mut spout, id);
    }
    // What was acked does not come again, whatever is said of it later.
    let again = drain(&mut spout, 100);
    assert_eq!(texts(&again), ["last, without an end", "two\r"]);
    assert_eq!(again.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [ids[4], ids[2]]);
    for id in ids {
        ack(&mut spout, id);
        ack(&mut spout, id);
    }
    assert!(drain(&mut spout, 100).is_empty());
}

#[test]
fn tasks_share_the_files_out_and_repeat_starts_over() {
    let dir = tempfile::tempdir().expect("a folder");
    let files: Vec<_> = ["a", "b", "c"].iter().map(|n| dir.path().join(n)).collect();
    for file in &files {
        fs::write(file, format!("{}\n", file.file_name().expect("a name").display())).expect("written");
    }
    let files: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    assert_eq!(texts(&drain(&mut lines(&files, false, 2, 0), 9)), ["a", "c"]);
    assert_eq!(texts(&drain(&mut lines(&files, false, 2, 1), 9)), ["b"]);
    assert!(drain(&mut lines(&files, false, 5, 4), 9).is_empty());
    assert_eq!(texts(&drain(&mut lines(&files, true, 2, 0), 5)), ["a", "c", "a", "c", "a"]);

    // Without a line there is nothing to repeat, and no endless search for one.
    fs::write(dir.path().join("b"), "").expect("written");
    assert!(drain(&mut lines(&files, true, 2, 1), 9).is_empty());
}

#[test]
fn lines_longer_than_a_block_and_many_blocks() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("f");
    let long = "x".repeat(1 << 20);
    let mut text = String::new();
    for i in 0..20_000 {
        text.push_str(&format!("line {i}\n"));
    }
    text.push_str(&long);
    text.push('\n');
    text.push_str("end\n");
    fs::write(&file, &text).expect("written");
    let mut spout = lines(&[&file], false, 1, 0);
    let mut found = String::new();
    loop {
        let some = drain(&mut spout, 500);
        if some.is_empty() {
            break;
        }
        for (id, line) in some {
            found.push_str(line.as_ref().as_str().expect("text"));
            found.push('\n');
            ack(&mut spout, id);
        }
    }
    assert!(found == text, "the lines are not those of the file");
}

#[test]
fn what_is_not_acked_is_bounded() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("f");
    fs::write(&file, "\n".repeat(1_100_000)).expect("written");
    let mut spout = lines(&[&file], false, 1, 0);
    let held = drain(&mut spout, usize::MAX);
    assert_eq!(held.len(), 1 << 20);
    for (id, _) in &held {
        ack(&mut spout, *id);
    }
    assert_eq!(held.len() + drain(&mut spout, usize::MAX).len(), 1_100_000);
}

#[test]
fn a_wrong_path_is_known_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, part) in [(dir.path().join("none"), "cannot be opened"), (dir.path().to_owned(), "is a folder")] {
        let mut spout = LinesSpout::new(vec![path.display().to_string()], false);
        let error = spout.open(&context(&[1], 0).0).expect_err("it is not there");
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn the_same_word_is_one_word_wherever_it_comes_from() {
    let mut notes = Notes::default();
    execute(&mut SplitBolt, 1, &["a  é\tb".into()], &mut notes);
    execute(&mut SplitBolt, 2, &[Value::Bytes(Bytes::from_static(b"\xff a\n\xc3\xa9 "))], &mut notes);
    let raw = Value::Bytes(Bytes::from_static(b"\xff"));
    let words: Vec<Value> = notes.emitted.drain(..).map(|(_, mut v)| v.remove(0)).collect();
    assert_eq!(words, ["a".into(), "é".into(), "b".into(), raw.clone(), "a".into(), "é".into()]);

    let mut count = CountBolt::default();
    for word in &words {
        execute(&mut count, 1, std::slice::from_ref(word), &mut notes);
    }
    let last: Vec<_> = notes.emitted[3..].iter().map(|(_, v)| v.clone()).collect();
    assert_eq!(last, [vec![raw, 1.into()], vec!["a".into(), 2.into()], vec!["é".into(), 2.into()]]);
}

#[test]
fn the_file_sink_acks_what_is_in_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("new/out.tsv");
    let (ctx, woken) = context(&[1], 0);
    let mut sink = FileBolt::new(&path);
    sink.prepare(&ctx).expect("it opens");
    let mut notes = Notes::default();
    let raw = Value::Bytes(Bytes::from_static(b"\xff"));
    execute(&mut sink, 1, &["a".into(), 1.into()], &mut notes);
    execute(&mut sink, 2, &[raw, "two\nlines".into(), Value::Null], &mut notes);
    assert!(notes.acked.is_empty(), "acked before it was written");
    woken.try_recv().expect("it asks to be woken");
    woken.try_recv().expect_err("once");
    sink.wake(&mut BoltOutput::new(&mut notes)).expect("it writes");
    assert_eq!(notes.acked, [1, 2]);
    assert_eq!(fs::read(&path).expect("the file"), b"a\t1\n\xff\ttwo\\nlines\tnull\n");

    // Many tuples do not wait to be asked.
    for id in 0..5000 {
        execute(&mut sink, id, &["x".into()], &mut notes);
    }
    assert!(notes.acked.len() > 4000, "{}", notes.acked.len());
}

#[test]
fn a_line_that_was_cut_off_is_removed() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("out");
    for (before, kept) in [("", ""), ("whole\ncut of", "whole\n"), ("cut", ""), ("whole\n", "whole\n")] {
        fs::write(&path, before).expect("written");
        let mut sink = FileBolt::new(&path);
        sink.prepare(&context(&[1], 0).0).expect("it opens");
        assert_eq!(fs::read_to_string(&path).expect("the file"), kept);
    }
    let long = format!("whole\n{}", "x".repeat(100_000));
    fs::write(&path, long).expect("written");
    FileBolt::new(&path).prepare(&context(&[1], 0).0).expect("it opens");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "whole\n");
}

#[test]
fn what_cannot_be_written_is_failed_and_told() {
    let mut sink = FileBolt::new("/dev/full");
    let (ctx, _woken) = context(&[1], 0);
    sink.prepare(&ctx).expect("it opens");
    let mut notes = Notes::default();
    execute(&mut sink, 7, &["x".into()], &mut notes);
    sink.wake(&mut BoltOutput::new(&mut notes)).expect("it goes on");
    assert_eq!((notes.acked, notes.failed), (vec![], vec![7]));
    assert!(notes.errors[0].contains("/dev/full") && notes.errors[0].contains("No space left"), "{:?}", notes.errors);
}

#[test]
fn several_sinks_have_files_of_their_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("out");
    for index in 0..2 {
        FileBolt::new(&path).prepare(&context(&[4, 5], index).0).expect("it opens");
    }
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["out.0", "out.1"]);
}
