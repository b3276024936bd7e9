//! The graph of components as lines of text: layers from left to right, one row for each stream at every box.

use std::collections::BTreeMap;

use crate::table::Tone;
use crate::theme::Symbols;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    pub id: String,
    /// The second line of its box.
    pub note: String,
    pub tone: Tone,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Link {
    pub from: usize,
    pub to: usize,
    pub label: String,
}

/// Characters with tones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    cells: BTreeMap<(usize, usize), (char, Tone)>,
    /// The boxes, for the mouse and the selection: top left, and size.
    pub boxes: Vec<(usize, usize, usize, usize)>,
}

impl Picture {
    pub fn at(&self, x: usize, y: usize) -> (char, Tone) {
        self.cells.get(&(x, y)).copied().unwrap_or((' ', Tone::Plain))
    }

    fn put(&mut self, x: usize, y: usize, c: char, tone: Tone) {
        self.cells.insert((x, y), (c, tone));
        self.width = self.width.max(x + 1);
        self.height = self.height.max(y + 1);
    }

    fn text(&mut self, x: usize, y: usize, text: &str, tone: Tone) {
        for (i, c) in text.chars().enumerate() {
            self.put(x + i, y, c, tone);
        }
    }

    /// A piece of a line; where two meet they cross.
    fn line(&mut self, x: usize, y: usize, c: char, s: Symbols) {
        let (h, v) = (s.horizontal(), s.vertical());
        let c = match self.at(x, y).0 {
            old if old == ' ' || old == c => c,
            old if old == h || old == v => s.cross(),
            old => old,
        };
        self.put(x, y, c, Tone::Dim);
    }

    #[cfg(test)]
    fn lines(&self) -> Vec<String> {
        let line = |y| (0..self.width).map(|x| self.at(x, y).0).collect::<String>().trim_end().to_owned();
        (0..self.height).map(line).collect()
    }
}

/// More boxes than this are no picture any more.
const MOST: usize = 200;

/// A box, or the place where a long link passes a layer.
#[derive(Debug, Clone)]
struct Stop {
    node: Option<usize>,
    layer: usize,
    /// Links that come in and go out, in the order of their rows.
    ins: Vec<usize>,
    outs: Vec<usize>,
    y: usize,
}

/// A link between neighbouring layers.
#[derive(Debug, Clone)]
struct Hop {
    from: usize,
    to: usize,
    label: String,
    /// Ends at the box it was meant for.
    last: bool,
}

/// Draws it; `None` when there is nothing, or too much, to draw.
pub fn draw(nodes: &[Node], links: &[Link], s: Symbols) -> Option<Picture> {
    if nodes.is_empty() || nodes.len() > MOST || links.len() > 4 * MOST {
        return None;
    }
    let layers = layers(nodes.len(), links);
    let (mut stops, mut hops) = stops(&layers, links);
    order(&mut stops, &mut hops);
    let mut picture = Picture::default();
    place(&mut picture, nodes, &mut stops, &hops, s);
    Some(picture)
}

/// The longest way to each node; links that close a circle do not count.
fn layers(count: usize, links: &[Link]) -> Vec<usize> {
    let mut layer = vec![0; count];
    let mut state = vec![0u8; count];
    fn visit(node: usize, links: &[Link], state: &mut [u8], order: &mut Vec<usize>) {
        state[node] = 1;
        let count = state.len();
        for link in links.iter().filter(|l| l.from == node && l.to < count) {
            if state[link.to] == 0 {
                visit(link.to, links, state, order);
            }
        }
        state[node] = 2;
        order.push(node);
    }
    let mut order = Vec::new();
    let fed = |n: usize| links.iter().any(|l| l.to == n && l.from != n);
    let starts = (0..count).filter(|n| !fed(*n)).chain((0..count).filter(|n| fed(*n)));
    for node in starts.collect::<Vec<_>>() {
        if state[node] == 0 {
            visit(node, links, &mut state, &mut order);
        }
    }
    order.reverse();
    let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(i, n)| (*n, i)).collect();
    for node in &order {
        for link in links.iter().filter(|l| l.from == *node && l.to < count && place[&l.to] > place[node]) {
            layer[link.to] = layer[link.to].max(layer[*node] + 1);
        }
    }
    layer
}

fn stops(layers: &[usize], links: &[Link]) -> (Vec<Stop>, Vec<Hop>) {
    let stop = |node, layer| Stop { node, layer, ins: Vec::new(), outs: Vec::new(), y: 0 };
    let mut stops: Vec<Stop> = layers.iter().enumerate().map(|(n, l)| stop(Some(n), *l)).collect();
    let mut hops: Vec<Hop> = Vec::new();
    for link in links.iter().filter(|l| l.from < layers.len() && l.to < layers.len()) {
        // A link that goes back is told in the box it leaves, not drawn.
        if layers[link.to] <= layers[link.from] {
            continue;
        }
        let mut from = link.from;
        for layer in layers[link.from] + 1..layers[link.to] {
            stops.push(stop(None, layer));
            let via = stops.len() - 1;
            hops.push(Hop { from, to: via, label: String::new(), last: false });
            from = via;
        }
        hops.push(Hop { from, to: link.to, label: link.label.clone(), last: true });
    }
    (stops, hops)
}

/// Boxes near what feeds them, so that few lines cross.
fn order(stops: &mut [Stop], hops: &mut [Hop]) {
    let deepest = stops.iter().map(|s| s.layer).max().unwrap_or(0);
    let mut rank: Vec<f64> = (0..stops.len()).map(|i| i as f64).collect();
    for round in 0..6 {
        let layers: Vec<usize> = if round % 2 == 0 { (0..=deepest).collect() } else { (0..=deepest).rev().collect() };
        for layer in layers {
            let mut here: Vec<(usize, f64)> = Vec::new();
            for i in (0..stops.len()).filter(|i| stops[*i].layer == layer) {
                let near: Vec<f64> = hops
                    .iter()
                    .filter_map(|h| match round % 2 == 0 {
                        true => (h.to == i).then(|| rank[h.from]),
                        false => (h.from == i).then(|| rank[h.to]),
                    })
                    .collect();
                let mean = if near.is_empty() { rank[i] } else { near.iter().sum::<f64>() / near.len() as f64 };
                here.push((i, mean));
            }
            here.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            for (place, (i, _)) in here.iter().enumerate() {
                rank[*i] = place as f64;
            }
        }
    }
    for (i, stop) in stops.iter_mut().enumerate() {
        let mut ins: Vec<usize> = (0..hops.len()).filter(|h| hops[*h].to == i).collect();
        let mut outs: Vec<usize> = (0..hops.len()).filter(|h| hops[*h].from == i).collect();
        ins.sort_by(|a, b| rank[hops[*a].from].total_cmp(&rank[hops[*b].from]).then(a.cmp(b)));
        outs.sort_by(|a, b| rank[hops[*a].to].total_cmp(&rank[hops[*b].to]).then(a.cmp(b)));
        (stop.ins, stop.outs) = (ins, outs);
        stop.y = rank[i] as usize;
    }
}

fn place(picture: &mut Picture, nodes: &[Node], stops: &mut [Stop], hops: &[Hop], s: Symbols) {
    let deepest = stops.iter().map(|s| s.layer).max().unwrap_or(0);
    picture.boxes = vec![(0, 0, 0, 0); nodes.len()];
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); deepest + 1];
    for (i, stop) in stops.iter().enumerate() {
        columns[stop.layer].push(i);
    }
    // Rows of every stop, from the ranks that are in `y` so far.
    for column in &mut columns {
        column.sort_by_key(|i| stops[*i].y);
        let mut y = 0;
        for i in column.iter() {
            stops[*i].y = y;
            y += height(&stops[*i]) + usize::from(stops[*i].node.is_some());
        }
    }
    let mut x = 0;
    for (layer, column) in columns.iter().enumerate() {
        let width = column.iter().filter_map(|i| stops[*i].node).map(|n| box_width(&nodes[n])).max().unwrap_or(1);
        for i in column {
            let stop = &stops[*i];
            match stop.node {
                Some(n) => {
                    draw_box(picture, &nodes[n], x, stop.y, width, height(stop), s);
                    picture.boxes[n] = (x, stop.y, width, height(stop));
                }
                None => (x..x + width).for_each(|x| picture.line(x, stop.y, s.horizontal(), s)),
            }
        }
        if layer < deepest {
            x = gap(picture, stops, hops, column, x + width, s);
        }
    }
}

fn height(stop: &Stop) -> usize {
    match stop.node {
        Some(_) => stop.ins.len().max(stop.outs.len()).max(2) + 2,
        None => 1,
    }
}

fn box_width(node: &Node) -> usize {
    node.id.chars().count().clamp(4, 28).max(node.note.chars().count().min(28)) + 4
}

fn draw_box(p: &mut Picture, node: &Node, x: usize, y: usize, width: usize, height: usize, s: Symbols) {
    let [top_left, top_right, bottom_left, bottom_right] = s.corners();
    for dx in 1..width - 1 {
        p.put(x + dx, y, s.horizontal(), node.tone);
        p.put(x + dx, y + height - 1, s.horizontal(), node.tone);
    }
    for dy in 1..height - 1 {
        p.put(x, y + dy, s.vertical(), node.tone);
        p.put(x + width - 1, y + dy, s.vertical(), node.tone);
    }
    p.put(x, y, top_left, node.tone);
    p.put(x + width - 1, y, top_right, node.tone);
    p.put(x, y + height - 1, bottom_left, node.tone);
    p.put(x + width - 1, y + height - 1, bottom_right, node.tone);
    let cut = |text: &str| text.chars().take(width - 4).collect::<String>();
    let name = if node.tone == Tone::Plain { Tone::Name } else { node.tone };
    p.text(x + 2, y + 1, &cut(&node.id), name);
    p.text(x + 2, y + 2, &cut(&node.note), node.tone);
}

/// The lines between a layer and the next; gives where the next one begins.
fn gap(p: &mut Picture, stops: &[Stop], hops: &[Hop], column: &[usize], x: usize, s: Symbols) -> usize {
    let mut here: Vec<(usize, usize, usize)> = Vec::new();
    for i in column {
        for (row, hop) in stops[*i].outs.iter().enumerate() {
            let to = &stops[hops[*hop].to];
            let into = to.ins.iter().position(|h| h == hop).unwrap_or(0);
            let inner = |stop: &Stop, row: usize| if stop.node.is_some() { stop.y + 1 + row } else { stop.y };
            here.push((*hop, inner(&stops[*i], row), inner(to, into)));
        }
    }
    // Straight lines need no channel of their own.
    let mut bent: Vec<usize> = (0..here.len()).filter(|i| here[*i].1 != here[*i].2).collect();
    // What goes down turns late when it starts high, so that it does not cross its neighbours.
    bent.sort_by_key(|i| {
        let (_, from, to) = here[*i];
        if to > from { (1, usize::MAX - from) } else { (0, from) }
    });
    let channels = bent.len();
    let label = here.iter().map(|(hop, ..)| hops[*hop].label.chars().count()).max().unwrap_or(0);
    let end = x + 2 * channels + label + 4;
    for (i, (hop, from, to)) in here.iter().enumerate() {
        let channel = bent.iter().position(|b| b == &i).map(|c| x + 1 + 2 * c);
        let turn = channel.unwrap_or(x);
        (x..turn).for_each(|x| p.line(x, *from, s.horizontal(), s));
        if channel.is_some() {
            let (low, high) = (*from.min(to), *from.max(to));
            (low + 1..high).for_each(|y| p.line(turn, y, s.vertical(), s));
            let [top_left, top_right, bottom_left, bottom_right] = s.corners();
            let (first, second) = if to > from { (top_right, bottom_left) } else { (bottom_right, top_left) };
            corner(p, turn, *from, first, s);
            corner(p, turn, *to, second, s);
        }
        (turn + usize::from(channel.is_some())..end).for_each(|x| p.line(x, *to, s.horizontal(), s));
        let hop = &hops[*hop];
        if hop.last {
            p.put(end - 1, *to, s.arrow(), Tone::Dim);
            let text = &hop.label;
            p.text(end - 2 - text.chars().count(), *to, text, Tone::Plain);
        }
    }
    end
}

fn corner(p: &mut Picture, x: usize, y: usize, c: char, s: Symbols) {
    let c = if p.at(x, y).0 == ' ' { c } else { s.cross() };
    p.put(x, y, c, Tone::Dim);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(names: &[&str], links: &[(usize, usize, &str)], ascii: bool) -> Vec<String> {
        let nodes: Vec<Node> =
            names.iter().map(|n| Node { id: (*n).into(), note: "x1".into(), tone: Tone::Plain }).collect();
        let links: Vec<Link> =
            links.iter().map(|(from, to, l)| Link { from: *from, to: *to, label: (*l).into() }).collect();
        draw(&nodes, &links, Symbols { ascii }).unwrap().lines()
    }

    #[test]
    fn a_chain_is_a_line_of_boxes() {
        let drawn = graph(&["lines", "split"], &[(0, 1, "12/s")], false);
        assert_eq!(
            drawn,
            [
                "╭───────╮        ╭───────╮",
                "│ lines │──12/s─▶│ split │",
                "│ x1    │        │ x1    │",
                "╰───────╯        ╰───────╯"
            ]
        );
    }

    #[test]
    fn two_ways_meet_and_a_long_way_passes() {
        let drawn = graph(&["a", "b", "c"], &[(0, 1, "1"), (1, 2, "2"), (0, 2, "3")], true);
        let text = drawn.join("\n");
        for part in ["| a    |", "| b    |", "| c    |", "1->", "2->", "3->"] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }

    #[test]
    fn circles_and_loops_end() {
        let drawn = graph(&["a", "b"], &[(0, 1, "x"), (1, 0, "y"), (1, 1, "z")], true);
        assert!(!drawn.is_empty());
        assert!(draw(&[], &[], Symbols { ascii: true }).is_none());
    }
}
