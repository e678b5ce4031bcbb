//! Redis clusters of a test's own.

use super::server::Server;
use crate::directory::Directory;
use crate::services::free_port;
use crate::waiting::until;

/// A cluster of three servers.
pub struct Cluster {
    servers: Vec<Option<Server>>,
    ports: Vec<(u16, String)>,
    directories: Vec<Directory>,
}

impl Cluster {
    pub async fn start() -> Self {
        let mut cluster = Cluster {
            servers: Vec::new(),
            ports: Vec::new(),
            directories: Vec::new(),
        };
        for _ in 0..3 {
            cluster.ports.push((free_port(), free_port().to_string()));
            cluster.directories.push(Directory::default());
            cluster.servers.push(None);
        }
        for n in 0..3 {
            cluster.start_server(n).await;
        }
        let mut create = vec!["--cluster".to_owned(), "create".to_owned()];
        create.extend(cluster.ports.iter().map(|(port, _)| format!("127.0.0.1:{port}")));
        create.extend([
            "--cluster-replicas".to_owned(),
            "0".to_owned(),
            "--cluster-yes".to_owned(),
        ]);
        redis_cli(create).await;
        cluster.whole().await;
        cluster
    }

    pub fn urls(&self) -> Vec<String> {
        self.ports
            .iter()
            .map(|(port, _)| format!("redis://127.0.0.1:{port}/"))
            .collect()
    }

    /// Moves slots from the first server to the second.
    pub async fn move_slots(&self, count: u32) {
        let mut ids = Vec::new();
        for server in self.servers.iter().flatten() {
            let id: String = redis::cmd("CLUSTER")
                .arg("MYID")
                .query_async(&mut server.client().await)
                .await
                .expect("an id");
            ids.push(id);
        }
        let reshard = [
            "--cluster".to_owned(),
            "reshard".to_owned(),
            format!("127.0.0.1:{}", self.ports[0].0),
            "--cluster-from".to_owned(),
            ids[0].clone(),
            "--cluster-to".to_owned(),
            ids[1].clone(),
            "--cluster-slots".to_owned(),
            count.to_string(),
            "--cluster-yes".to_owned(),
        ];
        redis_cli(reshard.to_vec()).await;
    }

    pub fn kill(&mut self, n: usize) {
        self.servers[n] = None;
    }

    pub async fn restart(&mut self, n: usize) {
        self.start_server(n).await;
        self.whole().await;
    }

    async fn start_server(&mut self, n: usize) {
        let (port, bus) = &self.ports[n];
        let options = [
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            bus,
            "--cluster-node-timeout",
            "2000",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ];
        self.servers[n] = Some(Server::start(&self.directories[n], *port, &options).await);
    }

    /// Waits until every server knows the whole cluster.
    async fn whole(&self) {
        for server in self.servers.iter().flatten() {
            until("the cluster is whole", async || {
                let info: String = redis::cmd("CLUSTER")
                    .arg("INFO")
                    .query_async(&mut server.client().await)
                    .await
                    .expect("a result");
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
            .await;
        }
    }
}

async fn redis_cli(arguments: Vec<String>) {
    let output = tokio::process::Command::new("redis-cli")
        .args(&arguments)
        .output();
    let output = output.await.expect("redis-cli");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "redis-cli {arguments:?}: {said}");
}
